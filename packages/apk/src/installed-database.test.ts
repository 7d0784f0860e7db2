import { expect, test } from 'vitest';
import { formatInstalled, parseInstalled } from './index.ts';

const text = `C:Q1HYV3GHk9wRjFNygSSkFi7+gHkMs=
P:tool
V:1.0-r0
A:x86_64
S:7001
I:6436
T:a tool
U:https://example.com
L:MIT
o:tool
m:somebody
t:1700000000
c:c0ffee
k:5
D:so:libc.so.6 busybox
p:cmd:tool=1.0-r0
i:docs tool
r:old-tool
q:2
s:edge
f:fs
F:
R:at-the-top
F:usr
F:usr/bin
M:0:33:2755
R:tool
a:0:0:4755:Q1xattr=
Z:Q1w7j6yciTNmNb6T05yAX+BPhSuAA=
R:link
a:0:0:777

`;

test('a record is written as it was read', () => {
  const { value = [], diagnostics } = parseInstalled(text, 'installed');
  expect(diagnostics).toEqual([]);
  expect(formatInstalled(value)).toBe(text);
});

test('directories and files have root and the usual modes where nothing is said', () => {
  const [record] = parseInstalled(text, 'installed').value ?? [];
  expect(record?.directories).toEqual([
    { path: '', uid: 0, gid: 0, mode: 0o755, files: [{ name: 'at-the-top', uid: 0, gid: 0, mode: 0o644 }] },
    { path: 'usr', uid: 0, gid: 0, mode: 0o755, files: [] },
    {
      path: 'usr/bin',
      uid: 0,
      gid: 33,
      mode: 0o2755,
      files: [
        {
          name: 'tool',
          uid: 0,
          gid: 0,
          mode: 0o4755,
          xattrs: 'Q1xattr=',
          checksum: 'Q1w7j6yciTNmNb6T05yAX+BPhSuAA=',
        },
        { name: 'link', uid: 0, gid: 0, mode: 0o777 },
      ],
    },
  ]);
});

test('what apko writes for "none" is none, and a mode may have a zero in front', () => {
  const source = 'P:a\nV:1\nU:\np:\ni:[]\nk:0\nF:usr\nR:x\na:0:0:0755\n\n';
  const [record] = parseInstalled(source, 'installed').value ?? [];
  expect([record?.installIf, record?.provides, record?.providerPriority, record?.url]).toEqual([
    [],
    [],
    undefined,
    undefined,
  ]);
  expect(record?.directories[0]?.files[0]?.mode).toBe(0o755);
});

test('unknown small letters are passed over; capitals, files without a directory and lines without a colon are errors', () => {
  const problems = parseInstalled('P:a\nV:1\nz:new\nX:what\nR:lost\nnonsense\n\n', 'installed').diagnostics;
  expect(new Set(problems.map((p) => p.code))).toEqual(new Set(['INSTALLED_LINE_INVALID']));
  expect(problems.map((p) => p.message)).toEqual([
    'Line 4 of the installed database installed cannot be read: "X:what".',
    'Line 5 of the installed database installed cannot be read: "R:lost".',
    'Line 6 of the installed database installed cannot be read: "nonsense".',
  ]);
});
