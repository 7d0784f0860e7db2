import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { formatPaxRecords, formatTarHeader, paxValue, readTar, tarHeader, tarPadding } from '@melange2/apk';
import { parseCacheMountId } from '@melange2/cache';
import { buildError, isBuildError } from '@melange2/diagnostics';
import { errors } from '../errors.ts';

/** What is known of the archive of a cache mount without unpacking it. */
export interface CacheMountArchive {
  readonly sizeBytes: number;
  readonly isGzip: boolean;
  /** The identity of the mount that it was made from; absent in archives of other making. */
  readonly id?: string;
}

/**
 * The blocks in front of an archive that name the mount it was made from: a global PAX header with the id as comment,
 * which programs that unpack archives pass over.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
 */
export function archiveHeader(id: string): Uint8Array {
  const records = formatPaxRecords([['comment', Buffer.from(id)]]);
  const block = Buffer.from(
    formatTarHeader(tarHeader({ name: 'pax_global_header', size: records.length, mode: 0o644 })),
  );
  block[156] = 'g'.charCodeAt(0);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([block, records, tarPadding(records.length)]);
}

/**
 * Looks at the begin of an archive.
 *
 * @throws {BuildError} CACHE_ARCHIVE_INVALID when it is no tar, or one without entries
 */
export async function readCacheMountArchive(file: string): Promise<CacheMountArchive> {
  const fail = (problem: string, cause?: unknown): never => {
    throw buildError(errors, 'CACHE_ARCHIVE_INVALID', { file, problem }, { cause });
  };
  let sizeBytes: number;
  let isGzip: boolean;
  try {
    const handle = await open(file);
    try {
      ({ size: sizeBytes } = await handle.stat());
      const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
      isGzip = buffer[0] === 0x1f && buffer[1] === 0x8b;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    return fail(cause instanceof Error ? cause.message : String(cause), cause);
  }
  const stream = createReadStream(file);
  const unpacked = isGzip ? stream.pipe(createGunzip()) : stream;
  try {
    for await (const entry of readTar(unpacked as AsyncIterable<Uint8Array>, { archive: file })) {
      const comment = paxValue(entry.pax, 'comment');
      const id = comment === undefined ? '' : Buffer.from(comment).toString('utf8');
      return { sizeBytes, isGzip, ...(parseCacheMountId(id) === undefined ? {} : { id }) };
    }
    return fail('it has no entries');
  } catch (cause) {
    if (isBuildError(cause) && cause.code === 'CACHE_ARCHIVE_INVALID') throw cause;
    return fail(cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    stream.destroy();
  }
}
