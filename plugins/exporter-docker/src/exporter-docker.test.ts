import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { exporterContract } from '@melange2/plugin-api/testing';
import { expect, test } from 'vitest';
import { exporterDocker } from './index.ts';

// Into a file; into engines in e2e/cases/exporter-contracts.test.ts.
const contract = exporterContract({
  make: exporterDocker,
  npmName: '@melange2/exporter-docker',
  kind: 'docker',
  target: (folder) => ({ ref: 'contract/sample:1', attributes: { dest: join(folder, 'image.tar') } }),
  verify: ({ attributes: { dest = '' } }) => {
    const read = (path: string): Buffer => execFileSync('tar', ['-xOf', dest, path]);
    const [image] = JSON.parse(read('manifest.json').toString()) as [
      { Layers: [string]; RepoTags: string[] },
    ];
    expect(image.RepoTags).toEqual(['contract/sample:1']);
    const sample = execFileSync('tar', ['-xzO', 'etc/sample'], { input: read(image.Layers[0]) });
    expect(sample.toString()).toBe('sample');
  },
  refused: [
    { when: 'the name is none', ref: 'UPPER case', code: 'EXPORT_TARGET_INVALID' },
    {
      when: 'a file is where its folder should be',
      ref: 'sample',
      attributes: { dest: 'file/out.tar' },
      code: 'EXPORT_FAILED',
    },
    {
      when: 'no engine answers',
      ref: 'sample',
      attributes: { socket: '/nowhere/docker.sock' },
      code: 'EXPORT_FAILED',
    },
  ],
});

for (const { name, run } of contract) test(name, run);
