import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AptRoot } from './apt-root.ts';
import type { SourceTarball } from './pinned-sources.ts';

/**
 * Puts upstream tarballs into `dir` under the names that the `fetch` pipeline looks for: `sha256:<hex>`.
 *
 * @throws Error when a source package holds another file than the digest says.
 */
export async function fetchSources(
  openApt: () => Promise<AptRoot>,
  tarballs: readonly SourceTarball[],
  dir: string,
): Promise<void> {
  const missing = tarballs.filter((t) => !existsSync(join(dir, `sha256:${t.sha256}`)));
  if (missing.length === 0) return;
  const apt = await openApt();
  const partial = join(dir, `.partial-${process.pid}`);
  await mkdir(partial, { recursive: true });
  try {
    for (const { source, file, sha256 } of missing) {
      await apt.downloadSource(source, partial);
      const found = createHash('sha256')
        .update(await readFile(join(partial, file)))
        .digest('hex');
      if (found !== sha256) throw new Error(`${file} has the digest ${found}; ${sha256} is expected.`);
      await rename(join(partial, file), join(dir, `sha256:${sha256}`));
    }
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
