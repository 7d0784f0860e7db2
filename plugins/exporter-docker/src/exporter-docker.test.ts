import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createBuildHooks } from '@melange2/plugin-api';
import { expect, test } from 'vitest';
import { exporterDocker } from './index.ts';

test.each([
  ['the name is none', 'UPPER case', {}, 'EXPORT_TARGET_INVALID'],
  ['a file is where its folder should be', 'sample', { dest: 'file/out.tar' }, 'EXPORT_FAILED'],
  ['no engine answers', 'sample', { socket: '/nowhere/docker.sock' }, 'EXPORT_FAILED'],
])('when %s, that is told, and nothing is written', async (_, ref, attributes, code) => {
  const cwd = mkdtempSync(join(tmpdir(), 'exporter-docker-'));
  try {
    writeFileSync(join(cwd, 'file'), 'before');
    const hooks = createBuildHooks();
    exporterDocker().apply({ hooks });
    const target = { kind: 'docker', ref, attributes };
    const exporting = hooks.resolveExporter
      .for('docker')
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
