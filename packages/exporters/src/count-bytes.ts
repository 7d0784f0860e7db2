import type { ExportContext } from './exporter.ts';

/** Passes bytes on and tells how many there were so far. */
export async function* countBytes(
  chunks: AsyncIterable<Uint8Array>,
  { onProgress }: Pick<ExportContext, 'onProgress'>,
): AsyncGenerator<Uint8Array, void, undefined> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    onProgress(bytes);
    yield chunk;
  }
}
