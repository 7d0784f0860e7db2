import { createHash, type Hash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipParallel } from '@melange2/apk';
import { writeChunks } from './write-chunks.ts';

/** A layer in a file: compressed, with both of its digests. */
export interface ImageLayer {
  readonly path: string;
  /** `sha256:…` of the compressed bytes. */
  readonly digest: string;
  /** `sha256:…` of the uncompressed tar. */
  readonly diffId: string;
  readonly sizeBytes: number;
  /** Removes the file. */
  readonly remove: () => Promise<void>;
}

/** Compresses a tar into a file below `folder` and hashes it on the way; memory stays bounded. */
export async function writeLayer(
  tar: AsyncIterable<Uint8Array>,
  folder: string,
  signal: AbortSignal,
): Promise<ImageLayer> {
  const path = join(folder, 'layer.tar.gz');
  const plain = createHash('sha256');
  const packed = createHash('sha256');
  const size = { bytes: 0 };
  try {
    await writeChunks(path, counted(gzipParallel(hashed(tar, plain)), packed, size), signal);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return {
    path,
    digest: `sha256:${packed.digest('hex')}`,
    diffId: `sha256:${plain.digest('hex')}`,
    sizeBytes: size.bytes,
    remove: () => rm(path, { force: true }),
  };
}

async function* hashed(
  chunks: AsyncIterable<Uint8Array>,
  hash: Hash,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  hash: Hash,
  size: { bytes: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of hashed(chunks, hash)) {
    size.bytes += chunk.length;
    yield chunk;
  }
}
