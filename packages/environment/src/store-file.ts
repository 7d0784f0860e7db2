import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readFileOrNothing } from './read-location.ts';

/** A file of the cache with its SHA-256. */
export interface StoredFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** `sha256:` and hex. */
  readonly digest: string;
}

/**
 * Finds the file that is kept under `key`, or makes it: written aside, renamed when it is whole.
 *
 * Its digest lies beside it; a file without, or of another size, is made anew.
 */
export async function storeFile(
  folder: string,
  key: string,
  make: () => AsyncIterable<Uint8Array>,
): Promise<StoredFile> {
  const path = join(folder, `${key}.tar`);
  const note = join(folder, `${key}.sha256`);
  const [hex = '', size = ''] = (await readFileOrNothing(note))?.toString('utf8').trim().split(' ') ?? [];
  if (/^[0-9a-f]{64}$/.test(hex) && (await sizeOf(path)) === Number(size)) {
    return { path, sizeBytes: Number(size), digest: `sha256:${hex}` };
  }
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${randomUUID()}`);
  try {
    const hash = createHash('sha256');
    let sizeBytes = 0;
    const counted = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const chunk of make()) {
        hash.update(chunk);
        sizeBytes += chunk.length;
        yield chunk;
      }
    };
    await pipeline(Readable.from(counted()), createWriteStream(temporary));
    await rename(temporary, path);
    const digest = hash.digest('hex');
    await writeAside(note, `${digest} ${sizeBytes}\n`);
    return { path, sizeBytes, digest: `sha256:${digest}` };
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Writes a small file so that it is there whole or not at all. */
export async function writeAside(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${randomUUID()}`);
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** The size of a file; `undefined` when it is not there. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
