import { expect, test } from 'vitest';
import { verdictOf } from './verdict.ts';

test.each([
  [127, ['/bin/sh: frobnicate: not found'], 'command frobnicate'],
  [127, ['/bin/sh: line 3: cargo: command not found'], 'command cargo'],
  [127, ['/bin/sh: 3: cargo: not found'], 'command cargo'],
  [2, ['make: gcc: No such file or directory', 'make: *** [x.o] Error 127'], 'command gcc'],
  [
    1,
    ['x.c:1:10: fatal error: zlib.h: No such file or directory', 'compilation terminated.'],
    'header zlib.h',
  ],
  [1, ["x.c:1:10: fatal error: 'curl/curl.h' file not found"], 'header curl/curl.h'],
  [1, ['/usr/bin/ld: cannot find -lssl: No such file or directory'], 'library ssl'],
  [
    127,
    ['./x: error while loading shared libraries: libz.so.1: cannot open shared object file'],
    'library z',
  ],
  [1, ["No package 'libfoo' found"], 'module libfoo'],
  [1, ['Package libfoo was not found in the pkg-config search path.'], 'module libfoo'],
  [1, ["Package 'libfoo', required by 'virtual:world', not found"], 'module libfoo'],
  [1, ['cp: write error: No space left on device'], 'space'],
  [1, ["wget: bad address 'example.com'"], 'network'],
  [2, ["sh: can't open x: Too many open files"], 'files'],
  [1, ['cc1: out of memory allocating 65536 bytes'], 'memory'],
  [1, ['g++: fatal error: Killed signal terminated program cc1plus'], 'killed'],
  [137, [], 'killed'],
  [1, ['touch: /usr/bin/x: Permission denied'], 'uid 1000'],
])('exit code %i with %j is explained', (exitCode, tail, said) => {
  expect(verdictOf(exitCode, tail)?.text).toContain(said);
});

test('of what is not understood nothing is claimed', () => {
  expect(verdictOf(2, ['make: *** [all] Error 2', 'Makefile:12: not found'])).toBeUndefined();
});
