import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import { openRegistry } from './registry.ts';

let server: Server | undefined;
afterEach(() => server?.close());

/** A registry that wants a token, answers its first upload with 503, and keeps what it is sent. */
async function registry(): Promise<{ host: string; seen: string[]; blobs: Map<string, string> }> {
  const seen: string[] = [];
  const blobs = new Map<string, string>();
  let busy = true;
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://x');
    seen.push(`${request.method} ${url.pathname}`);
    if (url.pathname === '/token') {
      const known = request.headers.authorization === `Basic ${Buffer.from('me:secret').toString('base64')}`;
      return void response.writeHead(known ? 200 : 401).end(JSON.stringify({ token: 't0ken' }));
    }
    if (request.headers.authorization !== 'Bearer t0ken') {
      response.setHeader(
        'www-authenticate',
        `Bearer realm="http://${request.headers.host}/token",service="s"`,
      );
      return void response.writeHead(401).end();
    }
    if (request.method === 'HEAD') return void response.writeHead(404).end();
    if (request.method === 'POST') {
      if (busy) {
        busy = false;
        return void response.writeHead(503, { 'retry-after': '0.01' }).end();
      }
      return void response.writeHead(202, { location: '/v2/a/upload?x=1' }).end();
    }
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      blobs.set(url.searchParams.get('digest') ?? url.pathname, body);
      response.writeHead(201).end();
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen, blobs };
}

const options = {
  plainHttp: true,
  credentials: { username: 'me', secret: 'secret', isToken: false },
  signal: new AbortController().signal,
};

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

test('a refusal says who asked, never with what', async () => {
  const { host } = await registry();
  const wrong = { ...options, credentials: { username: 'me', secret: 'hunter2', isToken: false } };
  const target = openRegistry({ host, repository: 'a', tag: 't' }, wrong);
  const failure = await target.pushManifest('t', Buffer.from('{}'), 'x').catch((e: unknown) => String(e));
  expect(failure).toContain('401');
  expect(failure).not.toContain('hunter2');
});
