import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createBuildHooks } from '@melange2/plugin-api';
import { exporterContract } from '@melange2/plugin-api/testing';
import { describe, expect, test } from 'vitest';
import { exporterTarball } from './index.ts';

/** The text of `etc/sample` in what was made. */
const readers: Readonly<Record<string, (path: string) => string>> = {
  tar: (path) => execFileSync('tar', ['-xOf', path, 'etc/sample'], { encoding: 'utf8' }),
  dir: (path) => readFileSync(join(path, 'etc/sample'), 'utf8'),
  oci: (path) => {
    const read = (name: string): Buffer => execFileSync('tar', ['-xOf', path, name]);
    const [image] = JSON.parse(read('manifest.json').toString()) as [{ Layers: [string] }];
    return execFileSync('tar', ['-xzO', 'etc/sample'], { input: read(image.Layers[0]), encoding: 'utf8' });
  },
};

describe.each(Object.entries(readers))('as %s', (type, read) => {
  const contract = exporterContract({
    make: exporterTarball,
    npmName: '@melange2/exporter-tarball',
    kind: 'tarball',
    target: (folder) => ({ ref: join(folder, 'out'), attributes: { type } }),
    verify: ({ ref }) => expect(read(ref)).toBe('sample'),
  });
  for (const { name, run } of contract) test(name, run);
});

test.each([
  ['no file is named', '', {}, 'EXPORT_TARGET_INVALID'],
  ['the type is none', 'out', { type: 'zip' }, 'EXPORT_TARGET_INVALID'],
  ['a file is where its folder should be', 'file/out.tar', { type: 'tar' }, 'EXPORT_FAILED'],
])('when %s, that is told, and nothing is written', async (_, ref, attributes, code) => {
  const cwd = mkdtempSync(join(tmpdir(), 'exporter-tarball-'));
  try {
    writeFileSync(join(cwd, 'file'), 'before');
    const hooks = createBuildHooks();
    exporterTarball().apply({ hooks });
    const target = { kind: 'tarball', ref, attributes };
    const exporting = hooks.resolveExporter
      .for('tarball')
      .call(target)
      ?.export(
        {
          openTar: () => Promise.resolve(Readable.from([Buffer.alloc(1024)])),
          config: { env: {}, workingDir: '/', user: '' },
          platform: { architecture: 'amd64', os: 'linux' },
        },
        { signal: new AbortController().signal, onProgress: () => {}, temporaryDir: cwd, env: {}, cwd },
      );
    await expect(exporting).rejects.toMatchObject({ code });
    expect(readdirSync(cwd)).toEqual(['file']);
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
});
