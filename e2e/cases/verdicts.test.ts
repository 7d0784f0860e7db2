import { describe, expect, inject, test } from 'vitest';
import { buildPackage } from '../harness/build-package.ts';
import { sampleFile } from '../harness/sample-file.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');

interface Failing {
  readonly why: string;
  readonly packages: string;
  readonly script: string;
  readonly said: readonly string[];
}

const base = 'busybox, coreutils, bash';
const tools = 'busybox, build-base, pkgconf';
const failing: readonly Failing[] = [
  {
    why: 'a missing command',
    packages: 'busybox',
    script: 'echo one\nmake --version\necho two',
    said: ['command make is not in the environment', 'package make has it', 'sample.yaml:13:7'],
  },
  {
    why: 'a command that nothing provides',
    packages: 'busybox',
    script: 'frobnicate',
    said: ['No package of the repositories provides cmd:frobnicate'],
  },
  {
    why: 'a missing header',
    packages: tools,
    script: "printf '#include <zlib.h>\\nint main(void){return 0;}' > x.c\ncc -c x.c",
    said: ['header zlib.h', 'package zlib1g-dev most likely has it'],
  },
  {
    why: 'a missing library',
    packages: tools,
    script: "printf 'int main(void){return 0;}' > x.c\ncc x.c -lbz2",
    said: ['library bz2', 'libbz2-dev'],
  },
  {
    why: 'a missing pkg-config module',
    packages: tools,
    script: 'pkg-config --print-errors --cflags zlib',
    said: ['pkg-config module zlib', 'package zlib1g-dev has it'],
  },
  {
    why: 'no space',
    packages: base,
    script: 'dd if=/dev/zero of=/dev/full bs=1k count=1',
    said: ['no space left'],
  },
  {
    why: 'too many open files',
    packages: base,
    script: 'ulimit -n 4\nexec bash -c "exec 3</dev/null 4</dev/null; ls | cat; ls /"',
    said: ['more files open'],
  },
  {
    why: 'no memory',
    packages: base,
    script: 'ulimit -v 60000\nhead -c 1G /dev/zero | tail -n 1',
    said: ['ran out of memory'],
  },
  { why: 'a signal', packages: base, script: 'kill -9 $$', said: ['was killed', 'exit code 137'] },
  {
    why: 'no network',
    packages: base,
    script: 'busybox wget -q -O x http://example.invalid/',
    said: ['did not reach the network'],
  },
  { why: 'no permission', packages: base, script: 'touch /usr/bin/x', said: ['was refused', 'uid 1000'] },
  { why: 'no shell', packages: 'zlib', script: 'true', said: ['no /bin/sh', 'add busybox'] },
];

describe.each(daemons)('on BuildKit %s, the reason of a failed step is', (_, address) => {
  test.each(failing)('$why', async ({ packages, script, said }) => {
    const dir = testFolder();
    const lines = script.split('\n').map((line) => `      ${line}\n`);
    const file = sampleFile(dir, `  - name: Breaks\n    runs: |\n${lines.join('')}`, { packages });
    const { code, stderr } = await buildPackage({ file, apkCache, address, world, dir });
    expect(code, stderr).toBe(1);
    const error = stderr.slice(stderr.lastIndexOf('BUILD_STEP_FAILED') - 200);
    for (const text of said) expect(error, stderr).toContain(text);
  });
});
