import { open, type FileHandle } from 'node:fs/promises';
import type { ByteSource } from '@melange2/apk';

/** A file that can be read at any place, until it is closed. */
export interface FileSource extends ByteSource {
  readonly mtimeMs: number;
  readonly close: () => Promise<void>;
}

/** Opens a file for reading at any place. */
export async function openFileSource(path: string): Promise<FileSource> {
  const handle = await open(path);
  try {
    const { size, mtimeMs } = await handle.stat();
    return {
      size,
      mtimeMs,
      read: async (offset, length) => {
        const bytes = Buffer.allocUnsafe(length);
        await readInto(handle, bytes, offset);
        return bytes;
      },
      readInto: async (target, offset) => await readInto(handle, target, offset),
      close: async () => await handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readInto(handle: FileHandle, target: Uint8Array, offset: number): Promise<void> {
  let at = 0;
  while (at < target.length) {
    const { bytesRead } = await handle.read(target, at, target.length - at, offset + at);
    if (bytesRead === 0) throw new Error(`the file ended at ${offset + at} while it was read`);
    at += bytesRead;
  }
}
