/** Bytes that can be read at any place: a file, a part of one, or memory. */
export interface ByteSource {
  readonly size: number;
  /** Reads exactly `length` bytes at `offset`; both lie inside the source. */
  readonly read: (offset: number, length: number) => Promise<Uint8Array>;
  /** Fills `target` with the bytes at `offset`, where a source can do so without memory of its own. */
  readonly readInto?: (target: Uint8Array, offset: number) => Promise<void>;
}

/** Makes a source of bytes in memory. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}

const defaultChunkBytes = 256 * 1024;

/**
 * Reads a range of a source for somebody who is done with each chunk before asking for the next: where the source can,
 * they all lie in the same memory. Packages are read whole several times, and what is left to be collected adds up.
 */
export async function* passRange(
  source: ByteSource,
  offset: number,
  length: number,
  chunkBytes: number = defaultChunkBytes,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { readInto } = source;
  if (readInto === undefined) {
    yield* readRange(source, offset, length, chunkBytes);
    return;
  }
  const buffer = new Uint8Array(Math.min(chunkBytes, length));
  for (let at = offset; at < offset + length; at += buffer.length) {
    const chunk = buffer.subarray(0, Math.min(buffer.length, offset + length - at));
    await readInto(chunk, at);
    yield chunk;
  }
  // Not when the reader left before: somebody may be at the last chunk still.
  buffer.buffer.transfer(0);
}

/** Reads a range of a source as a stream of chunks. */
export async function* readRange(
  source: ByteSource,
  offset: number,
  length: number,
  chunkBytes: number = defaultChunkBytes,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = offset; at < offset + length; at += chunkBytes) {
    yield await source.read(at, Math.min(chunkBytes, offset + length - at));
  }
}
