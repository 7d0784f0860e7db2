import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { withoutSilentRegistries } from './silent-registries.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

async function listen(handle: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    handle(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('only a registry that takes a connection and says nothing is left out', async () => {
  const silent = await listen(() => {});
  const answering = await listen((socket) =>
    socket.on('data', () => socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')),
  );
  const closing = await listen((socket) => socket.on('data', () => socket.destroy()));
  const cache = (ref: string): { type: string; attributes: Record<string, string> } => ({
    type: 'registry',
    attributes: { ref, timeout: '0.3' },
  });
  const others = [
    cache(`${answering}/a`),
    cache(`${closing}/a`),
    cache('127.0.0.1:1/a'),
    cache('library/a'),
    { type: 'local', attributes: { src: `${silent}/a` } },
  ];
  const found = await withoutSilentRegistries(
    [cache(`${silent}/a:x`), ...others],
    new AbortController().signal,
  );
  expect(found).toEqual({ asked: others, silent: [cache(`${silent}/a:x`)] });
});
