import { expect, test } from 'vitest';
import { verdictOf } from './verdict.ts';

test.each([
  [127, ['/bin/sh: frobnicate: not found'], 'cmd:frobnicate'],
  [127, ['/bin/sh: line 3: cargo: command not found'], 'cmd:cargo'],
  [
    1,
    ['x.c:1:10: fatal error: zlib.h: No such file or directory', 'compilation terminated.'],
    'header zlib.h',
  ],
  [1, ['/usr/bin/ld: cannot find -lssl: No such file or directory'], 'library libssl'],
  [1, ["No package 'libfoo' found"], 'pc:libfoo'],
  [1, ['cp: write error: No space left on device'], 'disk'],
  [1, ['wget: bad address "example.com"'], 'network'],
  [137, [], 'killed'],
  [1, ['touch: /usr/bin/x: Permission denied'], 'uid 1000'],
])('exit code %i with %j is explained', (exitCode, tail, said) => {
  expect(verdictOf(exitCode, tail)).toContain(said);
});

test('of what is not understood nothing is claimed', () => {
  expect(verdictOf(2, ['make: *** [all] Error 2'])).toBeUndefined();
});
