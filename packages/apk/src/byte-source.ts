/** Bytes that can be read at any place: a file, a part of one, or memory. */
export interface ByteSource {
  readonly size: number;
  /** Reads exactly `length` bytes at `offset`; both lie inside the source. */
  readonly read: (offset: number, length: number) => Promise<Uint8Array>;
}

/** Makes a source of bytes in memory. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}

/** Reads a range of a source as a stream of chunks. */
export async function* readRange(
  source: ByteSource,
  offset: number,
  length: number,
  chunkBytes: number = 256 * 1024,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = offset; at < offset + length; at += chunkBytes) {
    yield await source.read(at, Math.min(chunkBytes, offset + length - at));
  }
}
