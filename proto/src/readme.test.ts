import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');

test('the example in the README prints what stands under it', { timeout: 30_000 }, () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const [, code = '', output = ''] = /```ts\n(.*?)```\n+```text\n(.*?)```/s.exec(readme) ?? [];
  // Below dist, which is not committed and where the package still finds itself by its name.
  const folder = join(root, 'dist/readme');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'example.ts'), code);
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--conditions=x-source', '--no-warnings', join(folder, 'example.ts')],
    { encoding: 'utf8' },
  );
  expect(stdout + stderr).toBe(output);
});
