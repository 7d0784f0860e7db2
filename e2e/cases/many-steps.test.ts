import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { buildPackage } from '../harness/build-package.ts';
import { packageFiles } from '../harness/package-files.ts';
import { sampleFile } from '../harness/sample-file.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');

const step = (...lines: readonly string[]): string =>
  `  - runs: |\n${lines.map((line) => `      ${line}\n`).join('')}`;

/** More steps than any daemon has room for layers: some 120 without merges, some 450 with them. */
const many = 460;

describe.each(daemons)('on BuildKit %s', (age, address) => {
  test('a package may have more steps than a root may have layers', async () => {
    const dir = testFolder();
    const pipeline = [
      step(
        'mkdir -p kept pair; : > gone; mkdir emptied; : > emptied/old',
        'echo pair > pair/one; ln pair/one pair/two; ln -s one pair/link',
        'echo mode > kept/mode; chmod 0640 kept/mode; touch -d @12345 kept/mode; chmod 1777 kept',
        'cp /bin/busybox kept/binds; chown 33:44 kept/binds; setcap cap_net_bind_service=ep kept/binds',
        'echo outside > /etc/outside; rm /etc/os-release 2>/dev/null || true',
      ),
      step('rm gone; rm -r emptied; mkdir emptied'),
      ...Array.from({ length: many - 4 }, (_, i) => step(`echo ${i} >> numbers`)),
      step(
        'test ! -e gone; test -z "$(ls emptied)"; test "$(readlink pair/link)" = one',
        'test "$(stat -c %h pair/one)" = 2; test pair/one -ef pair/two',
        'test "$(stat -c "%a %Y %u" kept/mode)" = "640 12345 0"; test "$(stat -c %a kept)" = 1777',
        'test "$(stat -c "%u:%g" kept/binds)" = 33:44; getcap kept/binds | grep cap_net_bind_service=ep',
        'test "$(cat /etc/outside)" = outside; test ! -e /etc/os-release',
      ),
      step(
        'mkdir -p ${{targets.contextdir}}/usr/share/sample; cp numbers ${{targets.contextdir}}/usr/share/sample/',
      ),
    ];
    const packages = 'busybox, coreutils, libcap2-bin';
    const file = sampleFile(dir, pipeline.join(''), { packages, runAs: 'root' });
    const { code, stderr, repository } = await buildPackage({ file, apkCache, address, world, dir });
    expect(code, stderr).toBe(0);
    const files = await packageFiles(join(repository, world.arch, 'sample-1.0.0-r0.apk'));
    const numbers = Array.from({ length: many - 4 }, (_, i) => `${i}\n`).join('');
    expect(files['usr/share/sample/numbers']).toBe(numbers);
  });

  test('a graph that is larger than the daemon takes is told with what to do', async () => {
    const dir = testFolder();
    const pipeline = Array.from({ length: age === '0.8' ? 2500 : 10_000 }, (_, i) => step(`echo ${i}`));
    const file = sampleFile(dir, pipeline.join(''));
    const { code, stderr } = await buildPackage({ file, apkCache, address, world, dir });
    expect(code, stderr).toBe(1);
    expect(stderr).toContain('error BUILD_SOLVE_FAILED: BuildKit could not build sample');
    expect(stderr).toMatch(
      /The steps make a graph of [\d.]+ MB, and this daemon takes [\d.]+ MB: bring commands/,
    );
  });
});
