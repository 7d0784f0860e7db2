import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { isBuildError } from '@melange2/diagnostics';
import { afterEach, expect, test } from 'vitest';
import { openRegistry, type RegistryOptions } from './registry.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  server = createServer(handle);
  await new Promise<void>((resolve) => {
    server?.listen(0, '127.0.0.1', resolve);
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const options: RegistryOptions = {
  plainHttp: true,
  insecure: false,
  timeoutMs: 5000,
  retryDelaysMs: [1, 1],
  credentials: { username: 'me', secret: 'hunter2', isToken: false },
  signal: new AbortController().signal,
};

/** A registry that wants a token, answers its first upload with 503, and keeps what it is sent. */
async function registry(): Promise<{ host: string; seen: string[]; blobs: Map<string, string> }> {
  const seen: string[] = [];
  const blobs = new Map<string, string>();
  let busy = true;
  const host = await serve((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    seen.push(`${request.method} ${url.pathname}`);
    if (url.pathname === '/token') {
      const known = request.headers.authorization === `Basic ${Buffer.from('me:hunter2').toString('base64')}`;
      return void response.writeHead(known ? 200 : 401).end(JSON.stringify({ token: 't0ken' }));
    }
    if (request.headers.authorization !== 'Bearer t0ken') {
      const realm = `http://${request.headers.host}/token`;
      response.setHeader('www-authenticate', `Bearer realm="${realm}",service="s"`);
      return void response.writeHead(401).end();
    }
    if (request.method === 'HEAD') return void response.writeHead(404).end();
    if (request.method === 'POST') {
      const wasBusy = busy;
      busy = false;
      if (wasBusy) return void response.writeHead(503).end();
      return void response.writeHead(202, { location: '/v2/a/upload?x=1' }).end();
    }
    void text(request).then((body) => {
      blobs.set(url.searchParams.get('digest') ?? url.pathname, body);
      response.writeHead(201).end();
    });
  });
  return { host, seen, blobs };
}

test('a token is fetched once, a busy registry is asked again, blobs and manifest arrive', async () => {
  const { host, seen, blobs } = await registry();
  const target = openRegistry({ host, repository: 'a', tag: 't' }, options);
  await target.pushBlob({ digest: 'sha256:1', sizeBytes: 5 }, () => Readable.from([Buffer.from('hello')]));
  await target.pushManifest('t', Buffer.from('{}'), 'application/json');
  expect([...blobs]).toEqual([
    ['sha256:1', 'hello'],
    ['/v2/a/manifests/t', '{}'],
  ]);
  expect(seen.filter((line) => line.includes('/token'))).toHaveLength(1);
});

/** Pushes to a registry that answers everything so, and returns the failure as people see it. */
async function refused(
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): Promise<{ code: string; message: string; hint: string | undefined; asked: number }> {
  let asked = 0;
  const host = await serve((request, response) => {
    asked++;
    request.resume();
    response.writeHead(status, headers).end(body);
  });
  const target = openRegistry({ host, repository: 'a', tag: 't' }, options);
  const error = await target.pushManifest('t', Buffer.from('{}'), 'x').catch((e: unknown) => e);
  if (!isBuildError(error)) throw error;
  const message = error.message.replaceAll(host, 'HOST');
  return { code: error.code, message, hint: error.hint?.replaceAll(host, 'HOST'), asked };
}

const denied = JSON.stringify({ errors: [{ code: 'DENIED', message: 'requested access is denied' }] });

test('an account that is not let in is named, its secret is not', async () => {
  const { code, message, hint } = await refused(403, {}, denied);
  expect(code).toBe('EXPORT_REGISTRY_DENIED');
  expect(message).toBe('HOST refused the manifest of t with 403, asked as me: requested access is denied.');
  expect(hint).toContain('docker login HOST');
  const wrong = await refused(401, { 'www-authenticate': 'Basic realm="x"' });
  expect(wrong).toMatchObject({ code: 'EXPORT_REGISTRY_DENIED', asked: 2 });
  expect(JSON.stringify(wrong)).not.toContain('hunter2');
});

test('a repository that is not there is named', async () => {
  expect(await refused(404)).toMatchObject({
    code: 'EXPORT_REGISTRY_NOT_FOUND',
    message: 'HOST has no place for the manifest of t in a (404, asked as me).',
  });
});

test('a rate limit shows limit, what is left, when it ends, the account, and how to use a mirror', async () => {
  const headers = {
    'ratelimit-limit': '100;w=21600',
    'ratelimit-remaining': '0;w=21600',
    'retry-after': '900',
  };
  const { code, message, hint, asked } = await refused(429, headers);
  expect({ code, asked }).toEqual({ code: 'EXPORT_REGISTRY_RATE_LIMITED', asked: 1 });
  expect(message).toBe(
    'HOST takes no more requests for now: 100 requests in 6 h, 0 left, again in 15 min; asked as me for the manifest of t.',
  );
  expect(hint).toContain('[registry."HOST"]\n  mirrors = ["MIRROR"]');
});

test('a registry that fails is asked again, then given up', async () => {
  const { code, message, asked } = await refused(502, {}, '<html>Bad Gateway</html>');
  expect({ code, asked }).toEqual({ code: 'EXPORT_REGISTRY_UNAVAILABLE', asked: 3 });
  expect(message).toBe('HOST did not do the manifest of t: it answered 502.');
});

test('a registry that falls silent is given up', async () => {
  const host = await serve((request) => request.resume());
  const target = openRegistry({ host, repository: 'a', tag: 't' }, { ...options, timeoutMs: 100 });
  await expect(target.pushManifest('t', Buffer.from('{}'), 'x')).rejects.toMatchObject({
    code: 'EXPORT_REGISTRY_UNAVAILABLE',
    message: `${host} did not do the manifest of t: it sent nothing for 0.1 s.`,
  });
});

test('a registry that is not there is said so', async () => {
  const target = openRegistry({ host: '127.0.0.1:1', repository: 'a', tag: 't' }, options);
  await expect(target.pushManifest('t', Buffer.from('{}'), 'x')).rejects.toMatchObject({
    code: 'EXPORT_REGISTRY_UNAVAILABLE',
  });
});

test('a push that is aborted ends with the reason', async () => {
  const stop = new AbortController();
  const host = await serve((request) => {
    request.resume();
    stop.abort(new Error('enough'));
  });
  const target = openRegistry({ host, repository: 'a', tag: 't' }, { ...options, signal: stop.signal });
  await expect(target.pushManifest('t', Buffer.from('{}'), 'x')).rejects.toThrow('enough');
});
