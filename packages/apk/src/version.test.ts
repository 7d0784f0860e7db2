import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareVersions, isValidVersion, parseVersion, versionStartsWith } from './version.ts';
import { parseConstraint, versionMatches } from './constraint.ts';

const vectors = process.env['MELANGE2_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors');
const present = existsSync(join(vectors, 'apk/version.json'));
const read = (name: string): unknown => JSON.parse(readFileSync(join(vectors, 'apk', name), 'utf8'));

test('a version is taken apart into its tokens', () => {
  expect(parseVersion('1.2a_rc1~ab-r3').tokens.map((t) => `${t.kind} ${t.text}`)).toEqual([
    'first number 1',
    'number 2',
    'letter a',
    'suffix rc',
    'suffix number 1',
    'hash ab',
    'revision 3',
    'end ',
  ]);
});

test('versions are ordered oldest first', () => {
  const ordered = [
    '1.0',
    '1.00',
    '1.01',
    '1.1_alpha1',
    '1.1',
    '1.1-r0',
    '1.1_p1',
    '1.1a',
    '1.1.1',
    '1.2',
    '006.1',
  ];
  expect(ordered.toReversed().toSorted(compareVersions)).toEqual(ordered);
});

test('numbers are compared whatever their length', () => {
  expect(compareVersions('1.99999999999999999999998', '1.99999999999999999999999')).toBeLessThan(0);
  expect(compareVersions('100000000000000000000', '99999999999999999999')).toBeGreaterThan(0);
});

test('a version starts with another at a token, not within one', () => {
  expect(
    ['3.6.9', '3.6_pre1', '3.6a', '3.6-r5', '3.60', '3.7'].map((v) => versionStartsWith(v, '3.6')),
  ).toEqual([true, true, true, true, false, false]);
});

interface Row {
  readonly kind: 'compare' | 'valid';
  readonly a: string;
  readonly op: string;
  readonly b: string;
  readonly v: string;
  readonly expect: boolean;
}

test('agrees with every row of apk-tools’ own version test', ({ skip }) => {
  skip(!present, `no vectors at ${vectors}`);
  const wrong = (read('version.json') as Row[]).filter((row) =>
    row.kind === 'valid'
      ? isValidVersion(row.v) !== row.expect
      : versionMatches(row.a, parseConstraint(`x${row.op}${row.b}`)!) !== row.expect,
  );
  expect(wrong).toEqual([]);
});

interface Matrix {
  readonly versions: readonly string[];
  readonly apk: { readonly valid: boolean[]; readonly order: string[]; readonly fuzzy: string[] };
}

test('agrees with apk on validity, order and prefix of all pairs of the matrix', ({ skip }) => {
  skip(!present, `no vectors at ${vectors}`);
  const { versions, apk } = read('version-matrix.json') as Matrix;
  const wrong: string[] = [];
  for (const [i, a] of versions.entries()) {
    if (isValidVersion(a) !== apk.valid[i]) wrong.push(`valid ${a}`);
    const orders = apk.order[i] ?? '';
    const prefixes = apk.fuzzy[i] ?? '';
    for (const [j, b] of versions.entries()) {
      const order = orders[j];
      if (order === '.') continue;
      const sign = Math.sign(compareVersions(a, b));
      if ('<=>'[sign + 1] !== order) wrong.push(`${a} ${order} ${b}`);
      if (versionStartsWith(a, b) !== (prefixes[j] === '1')) wrong.push(`${a} ~ ${b}`);
    }
  }
  expect(wrong).toEqual([]);
});
