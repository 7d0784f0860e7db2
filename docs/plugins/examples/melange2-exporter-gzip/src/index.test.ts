import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { exporterContract } from '@melange2/plugin-api/testing';
import { expect, test } from 'vitest';
import { plugin } from './index.ts';

const contract = exporterContract({
  make: plugin,
  npmName: 'melange2-exporter-gzip',
  kind: 'gzip',
  target: (folder) => ({ ref: join(folder, 'state.tar.gz'), attributes: {} }),
  verify: ({ ref }) => {
    expect(execFileSync('tar', ['-xzOf', ref, 'etc/sample'], { encoding: 'utf8' })).toBe('sample');
  },
});

for (const { name, run } of contract) test(name, run);
