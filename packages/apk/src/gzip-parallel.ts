import { crc32, deflateRaw, constants } from 'node:zlib';
import type { ByteStream } from './byte-queue.ts';

export interface GzipOptions {
  /** 1 to 9, default 6. */
  readonly level?: number;
  /** Blocks compressed at a time, default 8. Node's thread pool has 4 threads unless told otherwise. */
  readonly concurrency?: number;
}

// Any change of these changes the bytes, and with them the data hash of every package.
const blockBytes = 512 * 1024;
const dictionaryBytes = 32 * 1024;
const memLevel = 8;
const header = Buffer.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3);

/**
 * Compresses a stream into exactly one gzip member, several blocks at a time.
 *
 * Equal input gives equal bytes, however it is cut into chunks and on every Node version: blocks, level and
 * memory level are pinned, the header has no time and no name. One member, because apk takes the boundary
 * between members for the boundary between the parts of a package.
 */
export async function* gzipParallel(
  source: ByteStream,
  options: GzipOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { level = 6, concurrency = 8 } = options;
  const running: Promise<Uint8Array>[] = [];
  let crc = 0;
  let length = 0;
  let dictionary: Buffer | undefined;
  let pending: Buffer | undefined;

  const start = (block: Buffer, last: boolean): void => {
    crc = crc32(block, crc);
    length += block.length;
    const compressed = compress(block, dictionary, level, last);
    // A failure is met where the block is awaited; until then it must not count as unhandled.
    compressed.catch(() => undefined);
    running.push(compressed);
    dictionary = block.subarray(-dictionaryBytes);
  };

  yield header;
  try {
    for await (const block of blocksOf(source)) {
      if (pending !== undefined) start(pending, false);
      pending = block;
      while (running.length >= concurrency) yield await next(running);
    }
    start(pending ?? Buffer.alloc(0), true);
    while (running.length > 0) yield await next(running);
  } finally {
    await Promise.allSettled(running);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(length % 2 ** 32, 4);
  yield trailer;
}

async function next(running: Promise<Uint8Array>[]): Promise<Uint8Array> {
  const first = running.shift();
  if (first === undefined) throw new Error('no block is being compressed');
  return first;
}

async function* blocksOf(source: ByteStream): AsyncGenerator<Buffer, void, undefined> {
  let parts: Uint8Array[] = [];
  let gathered = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + blockBytes - gathered);
      parts.push(part);
      gathered += part.length;
      at += part.length;
      if (gathered === blockBytes) {
        yield Buffer.concat(parts);
        parts = [];
        gathered = 0;
      }
    }
  }
  if (gathered > 0) yield Buffer.concat(parts);
}

function compress(
  block: Buffer,
  dictionary: Buffer | undefined,
  level: number,
  last: boolean,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    deflateRaw(
      block,
      {
        level,
        memLevel,
        windowBits: 15,
        strategy: constants.Z_DEFAULT_STRATEGY,
        finishFlush: last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
        ...(dictionary === undefined ? {} : { dictionary }),
      },
      (error, result) => (error === null ? resolve(result) : reject(error)),
    );
  });
}
