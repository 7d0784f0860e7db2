import { crc32, createInflateRaw } from 'node:zlib';
import { buildError } from '@melange2/diagnostics';
import { ByteQueue, type ByteStream } from './byte-queue.ts';
import { errors } from './errors.ts';

const readBytes = 256 * 1024;

export interface ReadGzipMembersOptions {
  /** Names the file in errors. Default `the file`. */
  readonly file?: string;
  /** Given every compressed byte, in order, with the index of the member it belongs to. */
  readonly onCompressed?: (bytes: Uint8Array, member: number) => void;
  /** How many bytes of content come at once, at most; memory for as many is taken. Default 256 KiB. */
  readonly chunkBytes?: number;
}

/** One member of a gzip file while it is being read. */
export interface GzipMember {
  readonly index: number;
  /** Where the member begins in the file. */
  readonly offset: number;
  /** The unpacked content; what is left unread when the next member is asked for is unpacked and dropped. */
  readonly content: AsyncIterable<Uint8Array>;
  /** Compressed length of the member; undefined until its content was read to the end. */
  readonly length: () => number | undefined;
}

/**
 * Splits a gzip file into its members while it streams, unpacking each.
 *
 * The boundaries are those that the format has, not places that look like a header: an apk package is two or
 * three members, and what is signed and hashed are their compressed bytes. Checksum and length of every
 * member are verified.
 *
 * @throws {BuildError} GZIP_INVALID when a member is damaged or cut short, or when something else follows.
 * @see https://www.rfc-editor.org/rfc/rfc1952
 */
export async function* readGzipMembers(
  source: ByteStream,
  options: ReadGzipMembersOptions = {},
): AsyncGenerator<GzipMember, void, undefined> {
  const queue = new ByteQueue(source);
  const file = options.file ?? 'the file';
  let finished = false;
  try {
    for (let index = 0; ; index++) {
      const offset = queue.offset;
      const header = await readHeader(queue, file, offset, index > 0);
      if (header === undefined) break;
      const compressed = (bytes: Uint8Array): void => options.onCompressed?.(bytes, index);
      compressed(header);
      let length: number | undefined;
      const content = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
        yield* inflateMember(queue, file, offset, compressed, options.chunkBytes ?? readBytes);
        length = queue.offset - offset;
      };
      const reading = content();
      yield {
        index,
        offset,
        // Leaving a loop over the content early must not end it: the rest is still to be unpacked below.
        content: { [Symbol.asyncIterator]: () => ({ next: () => reading.next() }) },
        length: () => length,
      };
      while ((await reading.next()).done !== true);
    }
    finished = true;
  } finally {
    if (!finished) await queue.close();
  }
}

async function* inflateMember(
  queue: ByteQueue,
  file: string,
  offset: number,
  compressed: (bytes: Uint8Array) => void,
  chunkSize: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  const invalid = (why: string, cause?: unknown): Error =>
    buildError(errors, 'GZIP_INVALID', { file, offset, why }, { cause });
  const inflate = createInflateRaw({ chunkSize });
  const end = new Promise<void>((resolve) => {
    inflate.once('end', resolve);
    inflate.once('close', resolve);
  });
  const feed = async (): Promise<void> => {
    while (!inflate.readableEnded && !inflate.destroyed) {
      const chunk = await queue.some(readBytes);
      if (chunk === undefined) {
        inflate.end();
        return;
      }
      const before = inflate.bytesWritten;
      // The callback does not come when the member ends inside the chunk.
      await Promise.race([new Promise((resolve) => inflate.write(chunk, resolve)), end]);
      const used = inflate.bytesWritten - before;
      compressed(chunk.subarray(0, used));
      queue.giveBack(chunk.length - used);
      if (used < chunk.length) await end;
    }
  };
  const feeding = feed();
  feeding.catch((cause: unknown) => inflate.destroy(cause as Error));
  let crc = 0;
  let length = 0;
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      crc = crc32(chunk, crc);
      length += chunk.length;
      yield chunk;
    }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (code === 'Z_BUF_ERROR') throw invalid('it ends in the middle of the compressed data', cause);
    if (code.startsWith('Z_')) throw invalid('the compressed data are damaged', cause);
    throw cause;
  } finally {
    // A member mostly ends inside a chunk, so nothing was told that there is no more; until it is, 40 KB are held.
    inflate.destroy();
  }
  await feeding;
  const trailer = Buffer.from(await queue.take(8));
  if (trailer.length < 8) throw invalid('it ends in the middle of the checksum');
  compressed(trailer);
  if (trailer.readUInt32LE(0) !== crc) throw invalid('the checksum of the content is wrong');
  if (trailer.readUInt32LE(4) !== length % 2 ** 32) throw invalid('the length of the content is wrong');
}

async function readHeader(
  queue: ByteQueue,
  file: string,
  offset: number,
  mayEnd: boolean,
): Promise<Uint8Array | undefined> {
  const invalid = (why: string): Error => buildError(errors, 'GZIP_INVALID', { file, offset, why });
  const take = async (length: number): Promise<Buffer> => {
    const bytes = await queue.take(length);
    if (bytes.length < length) throw invalid('it ends in the middle of a header');
    return Buffer.from(bytes);
  };
  const first = await queue.take(10);
  if (first.length === 0 && mayEnd) return undefined;
  if (first.length === 0) throw invalid('the file is empty');
  if (first[0] !== 0x1f || first[1] !== 0x8b) {
    throw invalid(
      mayEnd ? 'bytes that are no gzip member follow the last one' : 'it does not begin as gzip does',
    );
  }
  if (first.length < 10) throw invalid('it ends in the middle of a header');
  const parts: Uint8Array[] = [Uint8Array.from(first)];
  const flags = first[3] ?? 0;
  if (first[2] !== 8 || (flags & 0xe0) !== 0) throw invalid('its compression method is unknown');
  if ((flags & 0x04) !== 0) {
    const length = await take(2);
    parts.push(length, await take(length.readUInt16LE(0)));
  }
  for (const flag of [0x08, 0x10]) {
    if ((flags & flag) === 0) continue;
    for (let byte: Buffer | undefined; byte?.[0] !== 0;) {
      byte = await take(1);
      parts.push(byte);
    }
  }
  if ((flags & 0x02) !== 0) parts.push(await take(2));
  return Buffer.concat(parts);
}
