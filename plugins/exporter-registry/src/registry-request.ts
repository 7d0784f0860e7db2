import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface RegistryRequest {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Readable | Uint8Array;
}

export interface ConnectionOptions {
  /** Takes certificates that cannot be verified. */
  readonly insecure: boolean;
  /** How long nothing may come or go. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** An answer with its text, of which no more than 64 KiB are kept. */
export interface RegistryAnswer {
  readonly status: number;
  /** A header by its lower-case name. */
  readonly header: (name: string) => string | undefined;
  readonly text: string;
}

/** Nothing came for too long. */
export class SilentRegistryError extends Error {}

/**
 * Asks a registry once.
 *
 * @throws {SilentRegistryError} when it falls silent; what node:http throws; the signal's reason when aborted
 */
export async function requestRegistry(
  url: string,
  { method, headers, body }: RegistryRequest,
  { insecure, timeoutMs, signal }: ConnectionOptions,
): Promise<RegistryAnswer> {
  const silence = new AbortController();
  const both = AbortSignal.any([signal, silence.signal]);
  const options = { method, headers: { ...headers }, signal: both, timeout: timeoutMs };
  const request = url.startsWith('https:')
    ? httpsRequest(url, { ...options, rejectUnauthorized: !insecure })
    : httpRequest(url, options);
  request.on('timeout', () => {
    silence.abort(new SilentRegistryError(`it sent nothing for ${timeoutMs / 1000} s`));
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve).on('error', reject);
  });
  const read = answered.then(async (response): Promise<RegistryAnswer> => {
    let text = '';
    response.setEncoding('utf8');
    for await (const chunk of response) if (text.length < 1 << 16) text += chunk as string;
    return {
      status: response.statusCode ?? 0,
      header: (name) => {
        const value = response.headers[name];
        return Array.isArray(value) ? value.join(', ') : value;
      },
      text,
    };
  });
  read.catch(() => {});
  try {
    if (body === undefined || body instanceof Uint8Array) request.end(body);
    // A registry may refuse before it has all of the body: its answer says more than a broken pipe.
    else await Promise.race([pipeline(body, request), answered]).catch(() => {});
    return await read;
  } catch (cause) {
    signal.throwIfAborted();
    throw silence.signal.aborted ? silence.signal.reason : cause;
  } finally {
    request.destroy();
  }
}
