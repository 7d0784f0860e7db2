import { setTimeout as sleep } from 'node:timers/promises';
import { buildError } from '@melange2/diagnostics';
import type { Dispatcher } from 'undici';
import { errors } from './errors.ts';
import { withoutCredentials } from './repository.ts';

export interface GetOptions {
  /** The tag of what is there already; an answer of 304 says that it still is the same. */
  readonly etag?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type Answer =
  | { readonly status: 'ok'; readonly body: AsyncIterable<Uint8Array>; readonly etag: string | undefined }
  | { readonly status: 'unchanged' }
  | { readonly status: 'missing' };

/** Gets files by http and https. */
export interface Transport {
  /**
   * Asks for a file, again when the failure may pass: up to 4 times, after 1 s, 2 s and so on.
   *
   * @throws {BuildError} ENVIRONMENT_DOWNLOAD_FAILED
   */
  readonly get: (url: string, options?: GetOptions) => Promise<Answer>;
  readonly close: () => Promise<void>;
}

export interface TransportOptions {
  /** User and password for a host, or nothing. Those in a URL come first. */
  readonly credentials?: (
    host: string,
  ) => { readonly username: string; readonly password: string } | undefined;
  /** Waits before it asks again, in milliseconds. */
  readonly retryDelaysMs?: readonly number[];
}

/** Opens a transport; the HTTP client is loaded with the first request. */
export function openTransport(options: TransportOptions = {}): Transport {
  const delays = options.retryDelaysMs ?? [1000, 2000, 4000, 8000];
  let agent: Promise<Dispatcher> | undefined;
  const open = async (): Promise<Dispatcher> => {
    const { Agent, EnvHttpProxyAgent } = await import('undici');
    const settings = { connections: 16, headersTimeout: 30_000, bodyTimeout: 60_000, connectTimeout: 10_000 };
    const proxied = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'].some((n) => process.env[n]);
    return proxied ? new EnvHttpProxyAgent(settings) : new Agent(settings);
  };

  const ask = async (address: string, { etag, signal }: GetOptions): Promise<Answer | { retry: string }> => {
    const { request } = await import('undici');
    const url = new URL(address);
    const username = decodeURIComponent(url.username);
    const known =
      username === ''
        ? options.credentials?.(url.host)
        : { username, password: decodeURIComponent(url.password) };
    url.username = '';
    url.password = '';
    agent ??= open();
    const { statusCode, headers, body } = await request(url, {
      dispatcher: await agent,
      headers: {
        'user-agent': 'melange2',
        ...(etag === undefined ? {} : { 'if-none-match': etag }),
        ...(known === undefined
          ? {}
          : {
              authorization: `Basic ${Buffer.from(`${known.username}:${known.password}`).toString('base64')}`,
            }),
      },
      ...(signal === undefined ? {} : { signal }),
    });
    if (statusCode === 200) {
      const found = headers['etag'];
      return { status: 'ok', body, etag: Array.isArray(found) ? found[0] : found };
    }
    await body.dump();
    if (statusCode === 304) return { status: 'unchanged' };
    if (statusCode === 404 || statusCode === 410) return { status: 'missing' };
    const location = headers['location'];
    if (statusCode >= 300 && statusCode < 400 && typeof location === 'string') {
      return { retry: `redirect ${new URL(location, url).href}` };
    }
    const why = `the server answered ${statusCode}`;
    if (statusCode === 429 || (statusCode >= 500 && statusCode !== 501)) return { retry: why };
    throw buildError(errors, 'ENVIRONMENT_DOWNLOAD_FAILED', { url: withoutCredentials(address), why });
  };

  return {
    get: async (start, getOptions = {}) => {
      let address = start;
      let redirects = 0;
      for (let attempt = 0; ;) {
        let why: string;
        let cause: unknown;
        try {
          const answer = await ask(address, getOptions);
          if ('status' in answer) return answer;
          why = answer.retry;
        } catch (error) {
          getOptions.signal?.throwIfAborted();
          if (!isTransient(error)) throw error;
          cause = error;
          why = error.message;
        }
        const redirect = /^redirect (.*)$/.exec(why)?.[1];
        if (redirect !== undefined && redirects++ < 5) {
          address = redirect;
          continue;
        }
        const delay = delays[attempt++];
        if (delay === undefined || redirect !== undefined) {
          const details = {
            url: withoutCredentials(start),
            why: redirect === undefined ? why : 'it redirects without an end',
          };
          throw buildError(errors, 'ENVIRONMENT_DOWNLOAD_FAILED', details, { cause });
        }
        await sleep(delay, undefined, getOptions.signal === undefined ? {} : { signal: getOptions.signal });
      }
    },
    close: async () => {
      await (await agent)?.close();
    },
  };
}

/** Failures of the connection carry a code; a bug does not. */
function isTransient(error: unknown): error is Error {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && error.name !== 'BuildError'
  );
}
