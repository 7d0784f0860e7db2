import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeFailed } from './errors.ts';

/** Gathers small chunks, so that a package of many small files is not many small writes. */
const bufferBytes = 1024 * 1024;

/**
 * Writes a file so that it appears whole or not at all: beside its place, then renamed.
 *
 * @throws {BuildError} PACKAGE_WRITE_FAILED; the signal's reason. Nothing is left behind then.
 */
export async function writeAside(
  path: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<void> {
  const aside = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.new`);
  try {
    const handle = await open(aside, 'wx', 0o644);
    try {
      let pending: Uint8Array[] = [];
      let length = 0;
      const flush = async (): Promise<void> => {
        if (length > 0) await handle.writev(pending);
        pending = [];
        length = 0;
      };
      for await (const chunk of content) {
        signal?.throwIfAborted();
        pending.push(chunk);
        length += chunk.length;
        if (length >= bufferBytes) await flush();
      }
      await flush();
    } finally {
      await handle.close();
    }
    signal?.throwIfAborted();
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw writeFailed(path, error);
  }
}
