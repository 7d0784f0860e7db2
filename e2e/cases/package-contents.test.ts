import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bytesSource, openPackage, packageEntries, xattrsOf } from '@melange2/apk';
import { describe, expect, inject, test } from 'vitest';
import { buildPackage } from '../harness/build-package.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');

const file = `package:
  name: contents
  version: 1.0.0
  epoch: 0
  description: All kinds of entries
environment:
  contents:
    packages: [busybox, coreutils]
pipeline:
  - runs: |
      cd "\${{targets.destdir}}"
      mkdir -p usr/bin usr/share/contents/sticky
      printf '#!/bin/sh\\necho text\\n' > usr/bin/plain
      chmod 0755 usr/bin/plain
      cp usr/bin/plain usr/bin/setuid
      chmod 4755 usr/bin/setuid
      ln usr/bin/plain usr/share/contents/second-name
      ln -s ../../bin/plain usr/share/contents/link
      chmod 1777 usr/share/contents/sticky
      printf 'secret' > usr/share/contents/private
      chmod 0600 usr/share/contents/private
      id -u > usr/share/contents/uid
`;

describe.each(daemons)('on BuildKit %s', (_, address) => {
  test('modes, hard links and symlinks come back as the steps made them', async () => {
    const dir = testFolder();
    const path = join(dir, 'source/contents.yaml');
    mkdirSync(join(dir, 'source'));
    writeFileSync(path, file);
    const built = await buildPackage({ file: path, apkCache, address, world, dir });
    expect(built, built.stderr).toMatchObject({ code: 0 });
    const bytes = readFileSync(join(built.repository, world.arch, 'contents-1.0.0-r0.apk'));
    const pkg = await openPackage(bytesSource(bytes), { file: 'contents.apk' });
    const found: Record<string, string> = {};
    let uid = '';
    for await (const entry of packageEntries(pkg)) {
      const { linkName, mode, name, type } = entry;
      found[name] = `${type} ${mode.toString(8)}${linkName === '' ? '' : ` ${linkName}`}`;
      expect([...xattrsOf(entry).keys()]).toEqual([]);
      if (name.endsWith('/uid'))
        uid = Buffer.from(await entry.bytes())
          .toString()
          .trim();
    }
    expect(found).toMatchObject({
      'usr/bin/plain': 'file 755',
      'usr/bin/setuid': 'file 4755',
      'usr/share/contents/second-name': 'hardLink 755 usr/bin/plain',
      'usr/share/contents/link': 'symlink 777 ../../bin/plain',
      'usr/share/contents/sticky': 'directory 1777',
      'usr/share/contents/private': 'file 600',
    });
    expect(uid).toBe('1000');
  });
});
