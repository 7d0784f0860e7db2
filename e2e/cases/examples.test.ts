import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { buildPackage } from '../harness/build-package.ts';
import { repositoryRoot } from '../harness/melange2.ts';
import { runInstalled } from '../harness/run-installed.ts';
import { testFolder, testKey } from '../harness/test-folder.ts';

const addresses = Object.values(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');

describe.skipIf(addresses.length === 0)('examples', () => {
  const [address = ''] = addresses.slice(-1);

  async function built(
    name: string,
    install: readonly string[],
    args: readonly string[],
    more: readonly string[] = [],
  ): Promise<{ readonly made: readonly string[]; readonly output: string }> {
    const dir = testFolder();
    const key = await testKey(dir);
    const file = join(repositoryRoot, 'examples', `${name}.yaml`);
    const result = await buildPackage({ file, apkCache, address, world, dir, key, args: more });
    expect(result, result.stderr).toMatchObject({ code: 0 });
    const { output } = await runInstalled({
      address,
      arch: world.arch,
      repositories: [result.repository, world.repository],
      keyring: [`${key}.pub`, world.keyring],
      packages: install,
      cacheDir: apkCache,
      args,
    });
    return { made: Object.keys(result.digests).filter((made) => made.endsWith('.apk')), output };
  }

  test('hello.yaml greets', async () => {
    expect(await built('hello', ['hello'], ['/usr/bin/hello', 'reader'])).toEqual({
      made: ['hello-1.0.0-r0.apk'],
      output: 'Hello, reader!\n',
    });
  });

  test('greetings.yaml makes a package of each language, and obeys its option', async () => {
    const install = ['greetings', 'greetings-sw', 'busybox'];
    const script = 'cd /usr/share/greetings* && cat version sw && ls';
    expect(await built('greetings', install, ['/bin/sh', '-c', script])).toEqual({
      made: [
        'greetings-2.1.0-r3.apk',
        'greetings-de-2.1.0-r3.apk',
        'greetings-fr-2.1.0-r3.apk',
        'greetings-sw-2.1.0-r3.apk',
      ],
      output: '2.1\nHabari\nsw\nversion\n',
    });
    const loud = await built('greetings', install, ['/bin/sh', '-c', script], ['--build-option', 'shouting']);
    expect(loud.output).toBe('2.1\nHabari\nsw\nversion\nvolume\n');
  });
});
