import { buildError } from '@melange2/diagnostics';
import { sessionErrors } from '../errors.ts';

/** What a registry has asked for when it refused an anonymous request. */
export interface TokenRequest {
  readonly host: string;
  readonly realm: string;
  readonly service: string;
  readonly scopes: readonly string[];
  readonly clientId: string;
}

export interface RegistryToken {
  readonly token: string;
  readonly expiresInSeconds: number;
  /** 0 when the server does not say. */
  readonly issuedAtSeconds: number;
}

interface Credentials {
  readonly username: string;
  readonly secret: string;
}

/**
 * Fetches a token from a registry's token server: by OAuth when there are credentials, and by the older way where
 * the server does not know that, or for anonymous tokens. An empty user name means an identity token.
 *
 * @throws {BuildError} SESSION_TOKEN_REFUSED
 * @see https://distribution.github.io/distribution/spec/auth/token/
 */
export async function fetchRegistryToken(
  request: TokenRequest,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<RegistryToken> {
  if (credentials === undefined || credentials.secret === '') return await byGet(request, undefined, signal);
  const response = await ask(request, signal, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: oauthForm(request, credentials),
  });
  if (response.ok) return await tokenOf(request, response);
  await response.body?.cancel();
  // Servers without OAuth answer in many ways: 404 (GCR), 401 (Artifactory), 400 (ACR), 405.
  const mayBeOld =
    [400, 401, 404].includes(response.status) || (response.status === 405 && credentials.username !== '');
  if (!mayBeOld) throw refused(request, `it answered with HTTP status ${response.status}`);
  return await byGet(request, credentials, signal);
}

function oauthForm(request: TokenRequest, { username, secret }: Credentials): string {
  const form = new URLSearchParams();
  if (request.scopes.length > 0) form.set('scope', request.scopes.join(' '));
  form.set('service', request.service);
  form.set('client_id', request.clientId === '' ? 'buildkit-client' : request.clientId);
  if (username === '') {
    form.set('grant_type', 'refresh_token');
    form.set('refresh_token', secret);
  } else {
    form.set('grant_type', 'password');
    form.set('username', username);
    form.set('password', secret);
  }
  return form.toString();
}

async function byGet(
  request: TokenRequest,
  credentials: Credentials | undefined,
  signal: AbortSignal,
): Promise<RegistryToken> {
  const url = urlOf(request);
  if (request.service !== '') url.searchParams.append('service', request.service);
  for (const scope of request.scopes) url.searchParams.append('scope', scope);
  const headers: Record<string, string> = {};
  if (credentials !== undefined) {
    const pair = Buffer.from(`${credentials.username}:${credentials.secret}`, 'utf8').toString('base64');
    headers['authorization'] = `Basic ${pair}`;
  }
  const response = await ask(request, signal, { headers }, url);
  if (response.ok) return await tokenOf(request, response);
  await response.body?.cancel();
  throw refused(request, `it answered with HTTP status ${response.status}`);
}

async function ask(
  request: TokenRequest,
  signal: AbortSignal,
  init: RequestInit,
  url: URL = urlOf(request),
): Promise<Response> {
  try {
    return await fetch(url, { ...init, signal: AbortSignal.any([signal, AbortSignal.timeout(30_000)]) });
  } catch (cause) {
    signal.throwIfAborted();
    const reason =
      cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    throw refused(request, reason, cause);
  }
}

function urlOf(request: TokenRequest): URL {
  if (!URL.canParse(request.realm) || !/^https?:/i.test(request.realm))
    throw refused(request, 'it is no http address');
  return new URL(request.realm);
}

async function tokenOf(request: TokenRequest, response: Response): Promise<RegistryToken> {
  let body: Record<string, unknown>;
  try {
    body = (await response.json()) as Record<string, unknown>;
  } catch (cause) {
    throw refused(request, 'its answer is not JSON', cause);
  }
  const token = [body['token'], body['access_token']].find((t) => typeof t === 'string' && t !== '');
  if (typeof token !== 'string') throw refused(request, 'its answer has no token');
  const expires = body['expires_in'];
  const issued = body['issued_at'];
  const issuedMs = typeof issued === 'string' ? Date.parse(issued) : Number.NaN;
  return {
    token,
    // The specification's default, for servers that do not say.
    expiresInSeconds: typeof expires === 'number' && expires > 0 ? Math.floor(expires) : 60,
    issuedAtSeconds: Number.isNaN(issuedMs) ? 0 : Math.floor(issuedMs / 1000),
  };
}

function refused(request: TokenRequest, why: string, cause?: unknown): Error {
  return buildError(
    sessionErrors,
    'SESSION_TOKEN_REFUSED',
    { host: request.host, realm: request.realm, why },
    { cause },
  );
}
