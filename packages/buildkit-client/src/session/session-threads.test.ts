import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { control, secrets } from '@melange2/proto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Attachables, Session } from '../session-contract.ts';
import { startFakeDaemon, type FakeCall, type FakeDaemon } from '../testing/fake-daemon.ts';
import { openSessionIn } from './open-session.ts';
import { sessionThreads, type SessionThreads } from './session-threads.ts';
import { fakePeer, type FakePeer } from './testing/fake-peer.ts';
import { insideOf } from './testing/inside-of.ts';

let daemon: FakeDaemon;
let offered: { readonly call: FakeCall; readonly peer: FakePeer }[];
let threads: SessionThreads;
/** All threads that were started. */
let workers: Worker[];
const onWorker = (worker: Worker): void => void workers.push(worker);

beforeEach(async () => {
  offered = [];
  workers = [];
  process.on('worker', onWorker);
  threads = sessionThreads();
  daemon = await startFakeDaemon({
    [control.Control.methods.Session.path]: async (call) => {
      offered.push({ call, peer: fakePeer(insideOf(call)) });
      await call.closed;
    },
  });
});

afterEach(async () => {
  process.off('worker', onWorker);
  threads.close();
  for (const { peer } of offered) peer.close();
  await daemon.stop();
});

async function open(attachables: Attachables): Promise<{ session: Session; peer: FakePeer; call: FakeCall }> {
  const count = offered.length;
  const session = await openSessionIn(threads, daemon.endpoint, attachables);
  await expect.poll(() => offered.length).toBe(count + 1);
  return { session, ...offered.at(-1)! };
}

const secretOf = async (peer: FakePeer, id: string): Promise<string> =>
  Buffer.from((await peer.unary(secrets.Secrets.methods.GetSecret, { ID: id })).data).toString();

test('sessions one after the other run in one thread, and know nothing of each other', async () => {
  for (const value of ['one', 'two', 'three']) {
    const { session, peer } = await open({ secrets: (id) => Promise.resolve(Buffer.from(`${value} ${id}`)) });
    expect(await secretOf(peer, 'x')).toBe(`${value} x`);
    await session.close();
    expect(session.failures).toEqual([]);
  }
  const failing = await open({ secrets: () => Promise.reject(new Error('no vault')) });
  await expect(secretOf(failing.peer, 'x')).rejects.toMatchObject({ message: 'no vault' });
  await failing.session.close();
  const { session } = await open({ secrets: { a: 'b' } });
  await session.close();
  expect(session.failures).toEqual([]);
  expect(workers).toHaveLength(1);
});

test('a session that could not be offered leaves its thread to the next', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'session-threads-'));
  try {
    const nowhere = { kind: 'unix', path: join(dir, 'none') } as const;
    await expect(openSessionIn(threads, nowhere, { secrets: {} })).rejects.toMatchObject({
      name: 'ConnectionError',
      reason: 'refused',
    });
    const { session, peer } = await open({ secrets: { a: 'b' } });
    expect(await secretOf(peer, 'a')).toBe('b');
    await session.close();
    expect(workers).toHaveLength(1);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('sessions at the same time have a thread each, and one of them is kept', async () => {
  threads.prepare();
  const one = await open({ secrets: { a: '1' } });
  const two = await open({ secrets: { a: '2' } });
  expect([await secretOf(one.peer, 'a'), await secretOf(two.peer, 'a')]).toEqual(['1', '2']);
  expect(workers).toHaveLength(2);
  const ended = Promise.race(workers.map(async (worker) => await once(worker, 'exit')));
  await one.session.close();
  await two.session.close();
  await ended;
  const { session } = await open({ secrets: {} });
  await session.close();
  expect(workers).toHaveLength(2);
});

test('a thread in which something of a session still runs is not used again', async () => {
  const { session, peer, call } = await open({ secrets: () => new Promise(() => {}) });
  secretOf(peer, 'x').catch(() => {});
  await new Promise((resolve) => {
    setTimeout(resolve, 50);
  });
  call.stream.close(2);
  const next = await open({ secrets: { a: 'b' } });
  expect(await secretOf(next.peer, 'a')).toBe('b');
  expect(workers).toHaveLength(2);
  await session.close();
  await next.session.close();
});

test('a thread that has died is not used again', async () => {
  await (await open({ secrets: {} })).session.close();
  await workers[0]?.terminate();
  const { session, peer } = await open({ secrets: { a: 'b' } });
  expect(await secretOf(peer, 'a')).toBe('b');
  await session.close();
});

test('closing ends the thread that is kept, and the others with their sessions', async () => {
  const one = await open({ secrets: {} });
  const two = await open({ secrets: { a: 'b' } });
  await one.session.close();
  const ended = workers.map(async (worker) => await once(worker, 'exit'));
  threads.close();
  await ended[0];
  expect(await secretOf(two.peer, 'a')).toBe('b');
  await two.session.close();
  await ended[1];
});

test('a session that is opened after closing does not get the thread that is being ended', async () => {
  threads.prepare();
  threads.close();
  const { session, peer } = await open({ secrets: { a: 'b' } });
  expect(await secretOf(peer, 'a')).toBe('b');
  const ended = Promise.all(workers.slice(1).map(async (worker) => await once(worker, 'exit')));
  await session.close();
  await ended;
  expect(workers).toHaveLength(2);
});
