import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesSource, openPackage, packageEntries, xattrsOf } from '@melange2/apk';
import { describe, expect, inject, test } from 'vitest';
import { buildPackage } from '../harness/build-package.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');

function buildFile(script: readonly string[], runAs: string): string {
  return `package:
  name: contents
  version: 1.0.0
  epoch: 0
  description: All kinds of entries
  checks:
    disabled: [setuidgid, worldwrite]
environment:
  contents:
    packages: [busybox, coreutils, libcap2-bin]
  accounts:
    run-as: ${runAs}
pipeline:
  - working-directory: \${{targets.destdir}}
    runs: |
${script.map((line) => `      ${line}\n`).join('')}`;
}

/** Builds and tells of each entry: type, mode, owner, target, names of extended attributes, short content. */
async function contentsOf(address: string, text: string): Promise<Record<string, string>> {
  const dir = testFolder();
  const file = join(dir, 'source/contents.yaml');
  mkdirSync(join(dir, 'source'));
  writeFileSync(file, text);
  const built = await buildPackage({ file, apkCache, address, world, dir });
  expect(built, built.stderr).toMatchObject({ code: 0 });
  const bytes = readFileSync(join(built.repository, world.arch, 'contents-1.0.0-r0.apk'));
  const pkg = await openPackage(bytesSource(bytes), { file: 'contents.apk' });
  const found: Record<string, string> = {};
  for await (const entry of packageEntries(pkg)) {
    const { gid, linkName, mode, name, size, type, uid } = entry;
    const words = [type, mode.toString(8), `${uid}:${gid}`, linkName, ...xattrsOf(entry).keys()];
    if (type === 'file' && size < 20)
      words.push(
        Buffer.from(await entry.bytes())
          .toString()
          .trim(),
      );
    found[name] = words.filter((word) => word !== '').join(' ');
  }
  return found;
}

describe.each(daemons)('on BuildKit %s', (_, address) => {
  test('modes and links come back as the build user made them, owned by root', async () => {
    const script = [
      'mkdir -p usr/bin usr/share/contents/sticky',
      'cp /usr/bin/true usr/bin/plain',
      'cp usr/bin/plain usr/bin/setuid',
      'chmod 4755 usr/bin/setuid',
      'ln usr/bin/plain usr/share/contents/second-name',
      'ln -s ../../bin/plain usr/share/contents/link',
      'chmod 1777 usr/share/contents/sticky',
      'printf secret > usr/share/contents/private',
      'chmod 0600 usr/share/contents/private',
      'id -u > usr/share/contents/uid',
    ];
    expect(await contentsOf(address, buildFile(script, 'build'))).toMatchObject({
      'usr/bin/plain': 'file 755 0:0',
      'usr/bin/setuid': 'file 4755 0:0',
      'usr/share/contents/second-name': 'hardLink 755 0:0 usr/bin/plain',
      'usr/share/contents/link': 'symlink 777 0:0 ../../bin/plain',
      'usr/share/contents/sticky': 'directory 1777 0:0',
      'usr/share/contents/private': 'file 600 0:0 secret',
      'usr/share/contents/uid': 'file 644 0:0 1000',
    });
  });

  test('owners and capabilities that root gave come back', async () => {
    const script = [
      'mkdir -p usr/bin',
      'cp /usr/bin/true usr/bin/binds',
      'setcap cap_net_bind_service=ep usr/bin/binds',
      'cp /usr/bin/true usr/bin/owned',
      'chown 1234:2345 usr/bin/owned',
    ];
    expect(await contentsOf(address, buildFile(script, 'root'))).toMatchObject({
      'usr/bin/binds': 'file 755 0:0 security.capability',
      'usr/bin/owned': 'file 755 1234:2345',
    });
  });
});
