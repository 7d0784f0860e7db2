import { readFile } from 'node:fs/promises';
import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { formatLocation, type Location } from './repository.ts';
import type { Transport } from './transport.ts';

/**
 * Reads a whole small file; `undefined` when there is none.
 *
 * @throws {BuildError} ENVIRONMENT_DOWNLOAD_FAILED
 */
export async function readLocation(
  location: Location,
  transport: Transport,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  if (location.kind === 'directory') return await readFileOrNothing(location.path);
  const answer = await transport.get(location.url, { signal });
  if (answer.status !== 'ok') return undefined;
  return await readBody(answer.body, formatLocation(location), signal);
}

/** Reads a file; `undefined` when there is none. */
export async function readFileOrNothing(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) {
      return undefined;
    }
    throw error;
  }
}

/** Reads an answer to its end. */
export async function readBody(
  body: AsyncIterable<Uint8Array>,
  url: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of body) chunks.push(chunk);
  } catch (cause) {
    signal?.throwIfAborted();
    const why = cause instanceof Error ? cause.message : 'the connection broke';
    throw buildError(errors, 'ENVIRONMENT_DOWNLOAD_FAILED', { url, why }, { cause });
  }
  return Buffer.concat(chunks);
}
