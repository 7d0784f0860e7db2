import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { buildPackage, type BuiltPackages } from '../harness/build-package.ts';
import { repositoryRoot } from '../harness/melange2.ts';
import { runInstalled } from '../harness/run-installed.ts';
import { testFolder, testKey } from '../harness/test-folder.ts';

const daemons = inject('daemons');
const world = inject('world');
const apkCache = inject('apkCache');
const file = join(repositoryRoot, 'examples/zip.yaml');

async function build(address: string, dir: string, key: string): Promise<BuiltPackages> {
  mkdirSync(dir, { recursive: true });
  const built = await buildPackage({ file, apkCache, address, world, dir, key });
  expect(built, built.stderr).toMatchObject({ code: 0 });
  return built;
}

describe.skipIf(Object.keys(daemons).length === 0)('examples/zip.yaml', () => {
  test('gives the same bytes on every daemon, and again on each', async () => {
    const dir = testFolder();
    const key = await testKey(dir);
    const results: Record<string, BuiltPackages['digests']> = {};
    for (const [name, address] of Object.entries(daemons)) {
      results[name] = (await build(address, join(dir, name), key)).digests;
      results[`${name}, again`] = (await build(address, join(dir, `${name}-again`), key)).digests;
    }
    const [first] = Object.values(results);
    expect(Object.keys(first ?? {})).toEqual([
      'APKINDEX.tar.gz',
      'zip-3.0-r0.apk',
      'zip-doc-3.0-r0.apk',
      'zip-tools-3.0-r0.apk',
    ]);
    for (const result of Object.values(results)) expect(result).toEqual(first);
  });

  test('its packages install with what they depend on, and their programs run', async () => {
    const dir = testFolder();
    const key = await testKey(dir);
    const [address = ''] = Object.values(daemons).slice(-1);
    const { repository } = await build(address, dir, key);
    const { output, installed } = await runInstalled({
      address,
      arch: world.arch,
      repositories: [repository, world.repository],
      keyring: [`${key}.pub`, world.keyring],
      packages: ['zip-tools'],
      cacheDir: apkCache,
      args: ['/usr/bin/zip', '-v'],
    });
    expect(output).toMatch(/^Copyright .* Info-ZIP/);
    expect(installed).toContain('zip-3.0-r0');
  });
});
