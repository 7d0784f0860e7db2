import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { registryAdvice } from './registry-advice.ts';

let server: Server | undefined;
afterEach(() => server?.close());
const never = new AbortController().signal;

test('a registry that takes no more requests is asked for its limits, and the account is named', async () => {
  server = createServer((_request, response) =>
    response.writeHead(429, { 'ratelimit-limit': '5;w=60', 'ratelimit-remaining': '0;w=60' }).end(),
  );
  await new Promise<void>((resolve) => {
    server?.listen(0, '127.0.0.1', resolve);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const words = `unexpected status from HEAD request to http://${host}/v2/a/manifests/x: 429 Too Many Requests`;
  const advice = await registryAdvice(words, async () => ({ username: 'me' }), never);
  expect(advice).toContain(`. ${host}: 5 requests in 1 min, 0 left; asked as me. `);
  expect(advice).toContain(`[registry."${host}"]\n  mirrors = ["MIRROR"]`);
});

test('other words need no advice', async () => {
  expect(await registryAdvice('401 Unauthorized', async () => undefined, never)).toBe('');
});
