import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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
    refused: [
      { when: 'no file is named', ref: '', attributes: { type }, code: 'EXPORT_TARGET_INVALID' },
      { when: 'the type is none', ref: 'out', attributes: { type: 'zip' }, code: 'EXPORT_TARGET_INVALID' },
      {
        when: 'a file is where its folder should be',
        ref: 'file/out',
        attributes: { type },
        code: 'EXPORT_FAILED',
      },
    ],
  });
  for (const { name, run } of contract) test(name, run);
});
