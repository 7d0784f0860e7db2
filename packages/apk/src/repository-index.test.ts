import { expect, test } from 'vitest';
import { formatIndex, mergeRecords, parseIndex, sortRecords } from './index.ts';
import type { IndexRecord } from './index.ts';

const text = `C:Q1Pi7+Lp0TdU9DNxeZKvFbOSjmncw=
P:a-pkg
V:1.2.3-r1
A:x86_64
S:9180
I:40960
T:A sample: package
U:http://a.package.org
L:Apache-2.0
o:a-pkg
m:maintainer <maint@iner.org>
t:1600096848
c:af13bd
D:so:libc.musl-x86_64.so.1 !b
i:docs a=1
p:cmd:a=1 so:liba.so.1=1
k:10

`;

function records(source: string): readonly IndexRecord[] {
  return parseIndex(source, 'APKINDEX').value ?? [];
}

function minimal(name: string, version: string): IndexRecord {
  const [record] = records(`P:${name}\nV:${version}\n`);
  if (record === undefined) throw new Error('no record');
  return record;
}

test('a record is written as it was read', () => {
  expect(formatIndex(records(text))).toBe(text);
});

test('a record without an empty line after it, of another identity, with unknown letters, is kept', () => {
  const source = 'C:Q2aaaa\nP:a\nV:1\nT:\nz:what\n\nP:b\nV:2\nT:';
  expect(formatIndex(records(source))).toBe('C:Q2aaaa\nP:a\nV:1\nT:\nz:what\n\nP:b\nV:2\nT:\n\n');
});

test('a list of several lines is all of them', () => {
  expect(records('P:a\nV:1\np:x=1\np:y z\n')[0]?.provides).toEqual(['x=1', 'y', 'z']);
});

test('a line without a colon is an error with its number, a record without a name a warning', () => {
  const broken = parseIndex('P:a\nV:1\nnonsense\n', 'INDEX');
  expect(broken.value).toBeUndefined();
  expect(broken.diagnostics.map((d) => `${d.code} ${d.message}`)).toEqual([
    'INDEX_LINE_INVALID Line 3 of the index INDEX is no "letter:value" or has no number where one belongs: "nonsense".',
  ]);
  const nameless = parseIndex('V:1\n\nP:a\nV:1\n\n', 'INDEX');
  expect(nameless.value?.map((r) => r.name)).toEqual(['a']);
  expect(nameless.diagnostics.map((d) => [d.severity, d.code])).toEqual([
    ['warning', 'INDEX_RECORD_NAMELESS'],
  ]);
});

test('merging replaces the same version in place and appends the rest', () => {
  const merged = mergeRecords(
    [minimal('a', '1'), minimal('a', '2'), minimal('b', '1')],
    [{ ...minimal('a', '1'), description: 'new' }, minimal('c', '1')],
  );
  expect(merged.map((r) => `${r.name}-${r.version} ${r.description}`)).toEqual([
    'a-1 new',
    'a-2 ',
    'b-1 ',
    'c-1 ',
  ]);
});

test('sorted records stand by name, then by version as apk orders versions', () => {
  const sorted = sortRecords(
    ['b 1', 'a 1.10-r0', 'a 1.9-r2', 'B 1', 'a 1.9-r10'].map((t) =>
      minimal(t.split(' ')[0] ?? '', t.split(' ')[1] ?? ''),
    ),
  );
  expect(sorted.map((r) => `${r.name} ${r.version}`)).toEqual([
    'B 1',
    'a 1.9-r2',
    'a 1.9-r10',
    'a 1.10-r0',
    'b 1',
  ]);
});
