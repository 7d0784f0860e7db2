import type { ByteStream } from './byte-queue.ts';
import { formatTarHeader, tarEnd, tarPadding } from './format-tar-header.ts';
import type { TarHeader } from './tar-header.ts';

/** One entry to write: its header, and for a file exactly `size` bytes. */
export interface TarInput {
  readonly header: TarHeader;
  readonly content?: Uint8Array | ByteStream;
}

export interface WriteTarOptions {
  /** Whether two zero blocks end the archive. Default true; signature and control members go without. */
  readonly end?: boolean;
}

/**
 * Writes entries as one tar stream, in the order given, with the header bytes of {@link formatTarHeader}.
 *
 * @throws RangeError when a content is longer or shorter than its header says.
 */
export async function* writeTar(
  entries: AsyncIterable<TarInput> | Iterable<TarInput>,
  options: WriteTarOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { header, content } of entries) {
    const { size } = header;
    const blocks = formatTarHeader(header);
    if (size > 0 && content instanceof Uint8Array && size <= 64 * 1024) {
      checkLength(header, content.length);
      yield Buffer.concat([blocks, content, tarPadding(size)]);
      continue;
    }
    yield blocks;
    if (size === 0) continue;
    let written = 0;
    for await (const chunk of content instanceof Uint8Array ? [content] : (content ?? [])) {
      written += chunk.length;
      if (written > size) checkLength(header, written);
      yield chunk;
    }
    checkLength(header, written);
    if (size % 512 !== 0) yield tarPadding(size);
  }
  if (options.end ?? true) yield tarEnd();
}

function checkLength(header: TarHeader, length: number): void {
  if (length !== header.size) {
    throw new RangeError(`tar: ${header.name} has ${length} bytes, its header says ${header.size}`);
  }
}
