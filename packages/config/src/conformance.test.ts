import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const vectors = process.env['MELANGE2_VECTORS'] ?? join(root, '../shared/vectors');
const missing = !existsSync(join(vectors, 'compile'));
if (missing) process.stderr.write(`skipped: the recorded answers are not at ${vectors}\n`);

test.skipIf(missing)(
  'build files mean what the references read in them, and broken ones are refused',
  { timeout: 120_000 },
  async () => {
    // By a computed path: the tools are no part of this package.
    const { run } = (await import(join(root, 'tools/conformance/config.ts'))) as {
      run: (folder: string) => Promise<{ equal: number; failed: string[] }>;
    };
    const { equal, failed } = await run(vectors);
    expect(failed).toEqual([]);
    expect(equal).toBeGreaterThan(3800);
  },
);
