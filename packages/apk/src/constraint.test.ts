import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatConstraint, parseConstraint, parseWorldEntry, versionMatches } from './constraint.ts';

const vectors = process.env['MELANGE2_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors');
const present = existsSync(join(vectors, 'apk/constraints.json'));

interface Row {
  readonly text: string;
  readonly apk: {
    readonly error?: true;
    readonly name?: string;
    readonly op?: string;
    readonly version?: string;
    readonly versionValid?: true;
    readonly tag?: string;
    readonly conflict?: true;
  };
}

test('takes every constraint of the table apart as apk does', ({ skip }) => {
  skip(!present, `no vectors at ${vectors}`);
  const rows = JSON.parse(readFileSync(join(vectors, 'apk/constraints.json'), 'utf8')) as Row[];
  const seen = rows.map(({ text }) => {
    const found = parseConstraint(text);
    if (found === undefined) return { text, apk: { error: true } };
    return {
      text,
      apk: {
        ...(found.name === '' ? {} : { name: found.name }),
        ...(found.operator === undefined ? {} : { op: found.operator, version: found.version!.text }),
        ...(found.conflict ? { conflict: true } : {}),
        ...(found.tag === undefined ? {} : { tag: found.tag }),
        ...(found.version?.valid === true ? { versionValid: true } : {}),
      },
    };
  });
  expect(seen).toEqual(rows.map(({ text, apk }) => ({ text, apk })));
});

test('the order and number of operator characters do not matter', () => {
  expect(['x=>1', 'x==1', 'x~=1', 'x>=~1', 'x<>1'].map((t) => formatConstraint(parseConstraint(t)!))).toEqual(
    ['x>=1', 'x=1', 'x~1', 'x>~1', 'x><1'],
  );
});

test('a world entry has its tag behind the name or behind the version', () => {
  expect(formatConstraint(parseWorldEntry('foo@edge=1.2')!)).toBe('foo@edge=1.2');
  expect(formatConstraint(parseWorldEntry('foo=1.2@edge')!)).toBe('foo@edge=1.2');
});

test('a world entry needs a name and a valid version', () => {
  expect(['=1', 'foo==', 'foo=x', '', '!'].map(parseWorldEntry)).toEqual(Array(5).fill(undefined));
});

test('an exact version without revision is met by revision 0 only where that is asked for', () => {
  const wanted = parseConstraint('foo=1.2')!;
  expect(versionMatches('1.2-r0', wanted)).toBe(false);
  expect(versionMatches('1.2-r0', wanted, { revisionOptional: true })).toBe(true);
  expect(versionMatches('1.2-r1', wanted, { revisionOptional: true })).toBe(false);
});
