import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { buildError } from '@melange2/diagnostics';
import { sessionErrors } from './errors.ts';
import type { ExportSink } from './session-host.ts';

/**
 * Returns a sink that writes a file. It stands under its name only when it is whole; a failure leaves nothing.
 *
 * @throws {BuildError} SESSION_WRITE_FAILED, also from the sink.
 */
export async function fileSink(path: string): Promise<ExportSink> {
  const aside = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}.part`;
  const writing = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      throw writeFailed(path, cause);
    }
  };
  const handle = await writing(async () => {
    await mkdir(dirname(path), { recursive: true });
    return await open(aside, 'wx', 0o644);
  });
  let closed = false;
  return {
    write: (bytes) =>
      writing(async () => {
        for (let at = 0; at < bytes.length;) {
          const { bytesWritten } = await handle.write(bytes, at, bytes.length - at);
          at += bytesWritten;
        }
      }),
    end: () =>
      writing(async () => {
        await handle.sync();
        closed = true;
        await handle.close();
        await rename(aside, path);
      }),
    abort() {
      const cleaned = closed ? Promise.resolve() : handle.close();
      // What stopped the export is what is reported; a left-over file would be found by its name.
      cleaned.then(() => rm(aside, { force: true })).catch(() => {});
    },
  };
}

/** Names what the file system has refused. */
export function writeFailed(path: string, cause: unknown): Error {
  const { code } = cause as NodeJS.ErrnoException;
  const why =
    code === 'ENOSPC'
      ? 'the disk is full'
      : code === 'EACCES' || code === 'EPERM'
        ? 'this user may not write there'
        : code === 'EROFS'
          ? 'the file system is read-only'
          : cause instanceof Error
            ? cause.message
            : String(cause);
  return buildError(sessionErrors, 'SESSION_WRITE_FAILED', { path, why }, { cause });
}
