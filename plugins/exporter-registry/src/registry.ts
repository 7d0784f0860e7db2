import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseRateLimit } from '@melange2/exporters';
import type { RegistryReference } from './reference.ts';
import type { RegistryCredentials } from './registry-credentials.ts';
import { noAnswer, refusal, type RegistryQuestion } from './registry-failure.ts';
import { type ConnectionOptions, type RegistryAnswer, requestRegistry } from './registry-request.ts';

export interface RegistryOptions extends ConnectionOptions {
  readonly plainHttp: boolean;
  readonly credentials: RegistryCredentials | undefined;
  /** How long to wait before a busy registry is asked again, each time; after the last one it has failed. */
  readonly retryDelaysMs?: readonly number[];
}

/** One repository of a registry, as it is written to. */
export interface Registry {
  /** Sends a blob unless it is there already. `open` is asked anew for each attempt. */
  pushBlob(
    blob: { readonly digest: string; readonly sizeBytes: number },
    open: () => Readable | Uint8Array,
  ): Promise<void>;
  pushManifest(tag: string, bytes: Uint8Array, mediaType: string): Promise<void>;
}

interface Question {
  readonly method: string;
  readonly url: string;
  /** For people: `the upload of a layer`. */
  readonly what: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: () => Readable | Uint8Array;
  /** Statuses that are answers. */
  readonly takes: readonly number[];
}

const defaultDelaysMs = [1000, 2000, 4000];
/** A registry that wants to be left alone for longer than this is not waited for. */
const longestWaitMs = 30_000;

/**
 * Opens a repository. Tokens are asked for when the registry wants them, and kept. One that is busy is asked again.
 *
 * @throws {BuildError} from its methods: EXPORT_REGISTRY_…
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md
 */
export function openRegistry({ host, repository }: RegistryReference, options: RegistryOptions): Registry {
  const { credentials, signal } = options;
  const delaysMs = options.retryDelaysMs ?? defaultDelaysMs;
  const base = `${options.plainHttp ? 'http' : 'https'}://${host}/v2/${repository}`;
  const who =
    credentials === undefined ? 'anonymously' : `as ${credentials.username || 'the holder of a token'}`;
  let authorization: string | undefined;

  const once = async (question: RegistryQuestion, asked: Question): Promise<RegistryAnswer> => {
    const { method, url, body, headers } = asked;
    try {
      return await requestRegistry(
        url,
        {
          method,
          headers: authorization === undefined ? { ...headers } : { ...headers, authorization },
          ...(body === undefined ? {} : { body: body() }),
        },
        options,
      );
    } catch (cause) {
      signal.throwIfAborted();
      throw noAnswer(question, cause);
    }
  };
  const ask = async (asked: Question): Promise<RegistryAnswer> => {
    const question = { host, repository, what: asked.what, who };
    let challenged = false;
    for (let attempt = 0; ; attempt++) {
      const answer = await once(question, asked);
      if (asked.takes.includes(answer.status)) return answer;
      if (answer.status === 401 && !challenged) {
        challenged = true;
        attempt--;
        authorization = await authorize(
          answer.header('www-authenticate') ?? '',
          repository,
          question,
          options,
        );
        continue;
      }
      const wait = waitMs(answer, delaysMs[attempt]);
      if (wait === undefined) throw refusal(question, answer, Date.now());
      await sleep(wait, undefined, { signal });
    }
  };

  return {
    async pushBlob({ digest, sizeBytes }, open) {
      const what = `the upload of ${digest.slice(0, 19)}`;
      const there = await ask({ method: 'HEAD', url: `${base}/blobs/${digest}`, what, takes: [200, 404] });
      if (there.status === 200) return;
      const started = await ask({ method: 'POST', url: `${base}/blobs/uploads/`, what, takes: [202] });
      const location = new URL(started.header('location') ?? '', base);
      location.searchParams.set('digest', digest);
      await ask({
        method: 'PUT',
        url: location.href,
        what,
        headers: { 'content-type': 'application/octet-stream', 'content-length': String(sizeBytes) },
        body: open,
        takes: [201, 204],
      });
    },
    async pushManifest(tag, bytes, mediaType) {
      await ask({
        method: 'PUT',
        url: `${base}/manifests/${tag}`,
        what: `the manifest of ${tag}`,
        headers: { 'content-type': mediaType, 'content-length': String(bytes.length) },
        body: () => bytes,
        takes: [201],
      });
    },
  };
}

/** How long to wait before asking again; `undefined` when that is of no use. */
function waitMs(answer: RegistryAnswer, delayMs: number | undefined): number | undefined {
  if (delayMs === undefined || (answer.status !== 429 && answer.status < 500)) return undefined;
  const { resetSeconds } = parseRateLimit(answer.header, Date.now());
  if (resetSeconds === undefined) return delayMs;
  return resetSeconds * 1000 > longestWaitMs ? undefined : resetSeconds * 1000;
}

/** The authorization that a challenge asks for. */
async function authorize(
  challenge: string,
  repository: string,
  question: RegistryQuestion,
  options: RegistryOptions,
): Promise<string | undefined> {
  const { credentials } = options;
  const basic =
    credentials === undefined || credentials.isToken
      ? undefined
      : `Basic ${Buffer.from(`${credentials.username}:${credentials.secret}`).toString('base64')}`;
  const parameters = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name ?? '', value ?? '']),
  );
  const { realm, service } = parameters;
  if (/^basic/i.test(challenge) || realm === undefined) return basic;
  const scope = `repository:${repository}:pull,push`;
  const url = new URL(realm);
  const asked = { ...question, host: url.host, what: 'a token' };
  const named = service === undefined ? {} : { service };
  let answer: RegistryAnswer;
  try {
    if (credentials?.isToken === true) {
      const form = { grant_type: 'refresh_token', refresh_token: credentials.secret, client_id: 'melange2' };
      const body = Buffer.from(new URLSearchParams({ ...form, ...named, scope }).toString());
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      answer = await requestRegistry(realm, { method: 'POST', headers, body }, options);
    } else {
      for (const [name, value] of Object.entries({ ...named, scope })) url.searchParams.set(name, value);
      const headers = basic === undefined ? {} : { authorization: basic };
      answer = await requestRegistry(url.href, { method: 'GET', headers }, options);
    }
  } catch (cause) {
    options.signal.throwIfAborted();
    throw noAnswer(asked, cause);
  }
  if (answer.status !== 200) throw refusal(asked, answer, Date.now());
  const { token, access_token: access } = JSON.parse(answer.text) as {
    token?: string;
    access_token?: string;
  };
  return `Bearer ${token ?? access ?? ''}`;
}
