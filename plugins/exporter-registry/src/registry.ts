import type { Readable } from 'node:stream';
import type { RegistryReference } from './reference.ts';
import type { RegistryCredentials } from './registry-credentials.ts';

export interface RegistryOptions {
  readonly plainHttp: boolean;
  readonly credentials: RegistryCredentials | undefined;
  readonly signal: AbortSignal;
}

/** One repository of a registry, as it is written to. */
export interface Registry {
  /** Sends a blob unless it is there already. */
  pushBlob(
    blob: { readonly digest: string; readonly sizeBytes: number },
    open: () => Readable,
  ): Promise<void>;
  pushManifest(tag: string, bytes: Uint8Array, mediaType: string): Promise<void>;
}

interface Init {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Opened anew for each attempt. */
  readonly body?: () => Readable | Uint8Array;
}

/**
 * Opens a repository. Tokens are asked for when the registry wants them, and kept.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
 */
export function openRegistry({ host, repository }: RegistryReference, options: RegistryOptions): Registry {
  const base = `${options.plainHttp ? 'http' : 'https'}://${host}/v2/${repository}`;
  let authorization: string | undefined;

  const send = async (url: string, { method, body, headers }: Init): Promise<Response> => {
    for (let attempt = 1; ; attempt++) {
      const request: object = {
        method,
        headers: authorization === undefined ? { ...headers } : { ...headers, authorization },
        signal: options.signal,
        ...(body === undefined ? {} : { body: body(), duplex: 'half' }),
      };
      const response = await fetch(url, request);
      if (response.status === 401 && attempt === 1) {
        await response.body?.cancel();
        authorization = await authorize(response.headers.get('www-authenticate') ?? '', repository, options);
        continue;
      }
      const wait = response.status === 429 || response.status >= 500 ? waitMs(response, attempt) : undefined;
      if (wait === undefined) return response;
      await response.body?.cancel();
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  };
  const expectStatus = async (
    response: Response,
    wanted: readonly number[],
    what: string,
  ): Promise<Response> => {
    if (wanted.includes(response.status)) return response;
    const text = (await response.text()).slice(0, 300).trim();
    const limits = ['ratelimit-limit', 'ratelimit-remaining', 'retry-after']
      .flatMap((name) =>
        response.headers.get(name) === null ? [] : [`${name} ${response.headers.get(name)}`],
      )
      .join(', ');
    const who =
      options.credentials === undefined
        ? 'anonymously'
        : `as ${options.credentials.username || 'the holder of a token'}`;
    throw new Error(
      `${what}: ${host} answered ${response.status}, asked ${who}${limits === '' ? '' : ` (${limits})`}${text === '' ? '' : `: ${text}`}.`,
    );
  };

  return {
    async pushBlob({ digest, sizeBytes }, open) {
      const there = await send(`${base}/blobs/${digest}`, { method: 'HEAD' });
      if (there.status === 200) return;
      const started = await expectStatus(
        await send(`${base}/blobs/uploads/`, { method: 'POST' }),
        [202],
        'starting an upload',
      );
      await started.body?.cancel();
      const location = new URL(started.headers.get('location') ?? '', base);
      location.searchParams.set('digest', digest);
      const sent = await send(location.href, {
        method: 'PUT',
        headers: { 'content-type': 'application/octet-stream', 'content-length': String(sizeBytes) },
        body: open,
      });
      await (await expectStatus(sent, [201, 204], `sending ${digest}`)).body?.cancel();
    },
    async pushManifest(tag, bytes, mediaType) {
      const sent = await send(`${base}/manifests/${tag}`, {
        method: 'PUT',
        headers: { 'content-type': mediaType },
        body: () => bytes,
      });
      await (await expectStatus(sent, [201], 'sending the manifest')).body?.cancel();
    },
  };
}

/** How long to wait before asking again; `undefined` when it was asked often enough. */
function waitMs(response: Response, attempt: number): number | undefined {
  if (attempt > 4) return undefined;
  const after = Number(response.headers.get('retry-after'));
  return Number.isFinite(after) && after > 0 ? Math.min(after, 30) * 1000 : 500 * 2 ** attempt;
}

async function authorize(
  challenge: string,
  repository: string,
  options: RegistryOptions,
): Promise<string | undefined> {
  const { credentials, signal } = options;
  const basic =
    credentials === undefined
      ? undefined
      : `Basic ${Buffer.from(`${credentials.username}:${credentials.secret}`).toString('base64')}`;
  if (/^basic/i.test(challenge)) return basic;
  const parameters = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map((m) => [m[1], m[2]]));
  const { realm, service } = parameters as { realm?: string; service?: string };
  if (realm === undefined) return basic;
  const scope = `repository:${repository}:pull,push`;
  let response: Response;
  if (credentials?.isToken === true) {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: credentials.secret,
      client_id: 'melange2',
      service: service ?? '',
      scope,
    });
    response = await fetch(realm, { method: 'POST', body: form, signal });
  } else {
    const url = new URL(realm);
    url.searchParams.set('scope', scope);
    if (service !== undefined) url.searchParams.set('service', service);
    response = await fetch(url, { signal, headers: basic === undefined ? {} : { authorization: basic } });
  }
  if (!response.ok) throw new Error(`${new URL(realm).host} gave no token: it answered ${response.status}.`);
  const { token, access_token: access } = (await response.json()) as {
    token?: string;
    access_token?: string;
  };
  return `Bearer ${token ?? access ?? ''}`;
}
