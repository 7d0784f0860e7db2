import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { socketFeed, socketTransport } from './transport.ts';

let dir: string;
const cleanups: (() => void)[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'transport-'));
});

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  rmSync(dir, { recursive: true, force: true });
});

/** Two ends of a unix socket, ours read by a feed. */
async function pair(): Promise<{
  readonly ours: Socket;
  readonly feed: ReturnType<typeof socketFeed>;
  readonly theirs: Socket;
}> {
  const server = createServer({ pauseOnConnect: true });
  const path = join(dir, 'sock');
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  const feed = socketFeed();
  const accepted = new Promise<Socket>((resolve) => {
    server.once('connection', resolve);
  });
  const ours = connect({ path, onread: feed.onread });
  const theirs = await accepted;
  cleanups.push(() => {
    ours.destroy();
    theirs.destroy();
    server.close();
  });
  return { ours, feed, theirs };
}

test('a feed keeps what nobody has heard, and what was given back, for the next', async () => {
  const { feed, theirs } = await pair();
  theirs.write('head');
  await delay(50);
  const first: string[] = [];
  feed.listen((chunk) => {
    first.push(chunk.toString());
    feed.release(chunk.subarray(2));
  });
  theirs.write(' and more');
  await delay(50);
  const second: string[] = [];
  feed.listen((chunk) => void second.push(chunk.toString()));
  theirs.write(', and the rest');
  await expect.poll(() => second.join('')).toBe('ad and more, and the rest');
  expect(first).toEqual(['head']);
});

test('memory is free when it has left, not before, and all of it arrives', async () => {
  const { ours, feed, theirs } = await pair();
  const transport = socketTransport(ours, feed);
  let end: Error | undefined | 'open' = 'open';
  transport.open({ data: () => {}, closed: (error) => void (end = error) });
  const memory = Buffer.alloc(4 << 20, 'a');
  let left = false;
  transport.write([memory.subarray(0, 100), memory.subarray(100)], () => {
    left = true;
    memory.fill('b');
  });
  await delay(50);
  expect(left).toBe(false);
  let bytes = 0;
  let isWhole = true;
  theirs.on('data', (chunk) => {
    bytes += chunk.length;
    isWhole &&= chunk.every((byte) => byte === 97);
  });
  theirs.resume();
  await expect.poll(() => bytes).toBe(4 << 20);
  expect([isWhole, left]).toEqual([true, true]);
  // What fits leaves at once.
  left = false;
  transport.write([Buffer.from('x')], () => void (left = true));
  expect(left).toBe(true);
  theirs.end();
  await expect.poll(() => end).toBeUndefined();
});
