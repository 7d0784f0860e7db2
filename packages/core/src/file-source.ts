import { open, type FileHandle } from 'node:fs/promises';
import type { ByteSource } from '@melange2/apk';
import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';

/** A file that is read at any place. */
export interface FileSource extends ByteSource {
  close(): Promise<void>;
}

/**
 * Opens a file for reading at any place.
 *
 * @throws {BuildError} FILE_UNREADABLE
 */
export async function openFileSource(path: string): Promise<FileSource> {
  let handle: FileHandle;
  let size: number;
  try {
    handle = await open(path, 'r');
    size = (await handle.stat()).size;
  } catch (cause) {
    throw unreadable(path, cause);
  }
  return {
    size,
    read: async (offset, length) => {
      const bytes = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
        if (bytesRead === 0) throw unreadable(path, new Error('it is shorter than it was'));
        filled += bytesRead;
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}

/** The error for a file that cannot be read. */
export function unreadable(path: string, cause: unknown): Error {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  const reason =
    code === 'ENOENT'
      ? 'it does not exist'
      : code === 'EACCES'
        ? 'you may not read it'
        : code === 'EISDIR'
          ? 'it is a folder'
          : cause instanceof Error
            ? cause.message
            : String(cause);
  return buildError(errors, 'FILE_UNREADABLE', { path, reason }, { cause });
}
