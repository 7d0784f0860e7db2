import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { buildPackage } from '../harness/build-package.ts';
import { packageFiles } from '../harness/package-files.ts';
import { sampleFile } from '../harness/sample-file.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');

const pipeline = `  - runs: |
      mkdir -p melange-out/sample/seen
      cp source.txt melange-out/sample/seen/source
      cp /var/cache/melange/note.txt melange-out/sample/seen/note
      cp /etc/apk/world melange-out/sample/seen/world
      sleep 1
`;

describe.skipIf(daemons.length === 0)('builds at the same time on one daemon', () => {
  test.each(daemons)('see their own files only (BuildKit %s)', async (_, address) => {
    const builds = ['tar', 'sed', 'grep', 'gzip'].map((tool) => {
      const dir = testFolder();
      const file = sampleFile(dir, pipeline, { packages: `busybox, ${tool}` });
      const given = { source: randomUUID(), note: randomUUID() };
      writeFileSync(join(dir, 'source/source.txt'), given.source);
      mkdirSync(join(dir, 'downloads'));
      writeFileSync(join(dir, 'downloads/note.txt'), given.note);
      return { dir, file, given, tool };
    });
    const seen = await Promise.all(
      builds.map(async ({ dir, file }) => {
        const args = ['--cache-dir', join(dir, 'downloads'), '--progress', 'plain'];
        const options = { file, address, dir, world: { ...world, sources: join(dir, 'downloads') } };
        const { code, stderr, repository } = await buildPackage({
          ...options,
          apkCache: inject('apkCache'),
          args,
        });
        expect(code, stderr).toBe(0);
        const files = await packageFiles(join(repository, world.arch, 'sample-1.0.0-r0.apk'));
        return Object.fromEntries(Object.entries(files).filter(([name]) => name.startsWith('seen/')));
      }),
    );
    expect(seen).toEqual(
      builds.map(({ given, tool }) => ({
        'seen/source': given.source,
        'seen/note': given.note,
        'seen/world': `busybox\n${tool}\n`,
      })),
    );
  });
});
