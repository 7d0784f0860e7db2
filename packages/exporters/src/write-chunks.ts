import { open } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/**
 * Writes a stream to a file. When it fails or is stopped, the file is closed: whoever removes it then leaves nothing.
 * (A write stream that opens its file itself may do so after it was destroyed.)
 */
export async function writeChunks(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const file = await open(path, 'w');
  try {
    signal.throwIfAborted();
    const sink = new Writable({
      write: (chunk: Uint8Array, _encoding, done) => void file.writeFile(chunk).then(() => done(), done),
    });
    await pipeline(chunks, sink, { signal });
  } finally {
    // Waits for what is being written.
    await file.close();
  }
}
