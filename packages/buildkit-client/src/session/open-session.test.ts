import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { buildError } from '@melange2/diagnostics';
import { control, encode, filesync, health, secrets, upload } from '@melange2/proto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Attachables, Session, SessionOptions } from '../session-contract.ts';
import { startFakeDaemon, type FakeCall, type FakeDaemon } from '../testing/fake-daemon.ts';
import { sessionErrors } from './errors.ts';
import { openSession } from './open-session.ts';
import { fakePeer, type FakePeer } from './testing/fake-peer.ts';
import { receiveAsDaemon } from './testing/fake-sync.ts';
import { insideOf } from './testing/inside-of.ts';

let daemon: FakeDaemon;
let offered: { readonly call: FakeCall; readonly peer: FakePeer }[];
let dir: string;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'open-session-'));
  offered = [];
  daemon = await startFakeDaemon({
    [control.Control.methods.Session.path]: async (call) => {
      offered.push({ call, peer: fakePeer(insideOf(call)) });
      await call.closed;
    },
  });
});

afterEach(async () => {
  for (const { peer } of offered) peer.close();
  await daemon.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function open(
  attachables: Attachables,
  options: SessionOptions = {},
): Promise<{ session: Session; peer: FakePeer; call: FakeCall }> {
  const session = await openSession(daemon.endpoint, attachables, options);
  await expect.poll(() => offered.length).toBe(1);
  return { session, ...offered.at(0)! };
}

const bytesMessage = (data: Uint8Array): Uint8Array => encode(filesync.BytesMessage, { data });

describe.each([
  ['in a worker thread', {}],
  ['in this thread', { worker: false }],
] satisfies [string, SessionOptions][])('a session %s', (_, options) => {
  test('tells the daemon who it is and what it serves, and no more', async () => {
    const { session, peer, call } = await open(
      { secrets: { a: 'b' } },
      { ...options, name: 'me', sharedKey: 'key' },
    );
    expect(session.methods).toEqual(['/moby.buildkit.secrets.v1.Secrets/GetSecret']);
    expect(call.headers).toMatchObject({
      'x-docker-expose-session-uuid': session.id,
      'x-docker-expose-session-name': 'me',
      'x-docker-expose-session-sharedkey': 'key',
      'x-docker-expose-session-grpc-method': '/moby.buildkit.secrets.v1.Secrets/GetSecret',
    });
    expect((await peer.unary(health.Health.methods.Check, {})).status).toBe(1);
    await session.close();
    expect(await session.closed).toBeUndefined();
    await session.close();
  });

  test('calls functions of the caller, and keeps what they throw as it was thrown', async () => {
    const failure = new Error('no vault');
    const { session, peer } = await open(
      {
        secrets: (id) => {
          if (id === 'bad') return Promise.reject(failure);
          return Promise.resolve(id === 'none' ? undefined : Buffer.from(`secret ${id}`));
        },
      },
      options,
    );
    const { GetSecret } = secrets.Secrets.methods;
    expect(Buffer.from((await peer.unary(GetSecret, { ID: 'x' })).data).toString()).toBe('secret x');
    await expect(peer.unary(GetSecret, { ID: 'none' })).rejects.toMatchObject({ code: 5 });
    await expect(peer.unary(GetSecret, { ID: 'bad' })).rejects.toMatchObject({
      code: 2,
      message: 'no vault',
    });
    expect(session.failures).toEqual([failure]);
    expect(session.failures[0]).toBe(failure);
    await session.close();
  });

  test('hands exports to the caller as a stream, which holds the daemon back', async () => {
    let received: Uint8Array | undefined;
    let begin!: () => void;
    const mayBegin = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const { session, peer } = await open(
      {
        exports: [
          {
            kind: 'stream',
            output: async (stream, metadata) => {
              expect(metadata).toEqual({ format: 'tar' });
              await mayBegin;
              received = await buffer(stream);
            },
          },
        ],
      },
      options,
    );
    const call = peer.call(filesync.FileSend.methods.DiffCopy.path, { 'exporter-md-format': 'tar' });
    const data = Buffer.alloc(40 << 20, 'some content of a tar');
    for (let at = 0; at < data.length; at += 1 << 20)
      call.send(bytesMessage(data.subarray(at, at + (1 << 20))));
    call.end();
    begin();
    expect((await call.status).code).toBe(0);
    expect(data.equals(received!)).toBe(true);
    await session.close();
  });

  test('tells the daemon when the caller refuses an export', async () => {
    const failure = buildError(sessionErrors, 'SESSION_WRITE_FAILED', {
      path: '/x',
      why: 'the disk is full',
    });
    const { session, peer } = await open(
      { exports: [{ kind: 'stream', output: () => Promise.reject(failure) }] },
      options,
    );
    const call = peer.call(filesync.FileSend.methods.DiffCopy.path);
    call.send(bytesMessage(Buffer.alloc(100)));
    call.end();
    expect(await call.status).toMatchObject({ code: 2, message: failure.message });
    expect(session.failures).toEqual([failure]);
    await session.close();
  });

  test('ends the stream of an export with an error when the daemon breaks off', async () => {
    let settle!: (error: unknown) => void;
    const seen = new Promise<unknown>((resolve) => {
      settle = resolve;
    });
    const { session, peer } = await open(
      { exports: [{ kind: 'stream', output: (stream) => buffer(stream).then(settle, settle) }] },
      options,
    );
    const call = peer.call(filesync.FileSend.methods.DiffCopy.path);
    call.send(bytesMessage(Buffer.alloc(1 << 20)));
    await new Promise((resolve) => {
      setTimeout(resolve, 30);
    });
    call.cancel();
    expect(await seen).toBeInstanceOf(Error);
    expect(session.failures).toEqual([]);
    await session.close();
  });

  test('sends uploads and folders, and says how far it is', async () => {
    writeFileSync(join(dir, 'file'), 'content');
    const transfers: unknown[] = [];
    const { session, peer } = await open(
      {
        localDirs: { src: { path: dir } },
        uploads: { tar: () => Promise.resolve(Readable.from([Buffer.from('one'), Buffer.from('two')])) },
      },
      { ...options, onTransfer: (transfer) => transfers.push(transfer) },
    );
    const tree = await receiveAsDaemon(peer, { 'dir-name': 'src' });
    expect(tree.contents.get('file')?.toString()).toBe('content');
    await expect
      .poll(() => transfers.at(-1))
      .toEqual({ kind: 'send', name: 'src', entries: 1, files: 1, sizeBytes: 7, done: true });
    const call = peer.call(upload.Upload.methods.Pull.path, { urlpath: '/tar' });
    const parts: string[] = [];
    for (let message = await call.next(); message !== undefined; message = await call.next())
      parts.push(message.subarray(2).toString());
    expect(parts).toEqual(['one', 'two']);
    await session.close();
  });

  test('brings errors of its own back with their codes', async () => {
    const { session, peer } = await open({ localDirs: { src: { path: join(dir, 'none') } } }, options);
    const tree = await receiveAsDaemon(peer, { 'dir-name': 'src' });
    expect(tree.status.code).toBe(5);
    await expect
      .poll(() => session.failures)
      .toMatchObject([{ name: 'BuildError', code: 'SESSION_DIR_MISSING', details: { name: 'src' } }]);
    await session.close();
  });

  test('says when the daemon has gone', async () => {
    const { session, call } = await open({ secrets: {} }, options);
    call.stream.close(2);
    await session.closed;
    await session.close();
  });

  test('that cannot be offered is an error, and so is one that is aborted', async () => {
    await expect(
      openSession({ kind: 'unix', path: join(dir, 'none') }, { secrets: {} }, options),
    ).rejects.toMatchObject({ name: 'ConnectionError', reason: 'refused' });
    await expect(
      openSession(daemon.endpoint, {}, { ...options, signal: AbortSignal.abort(new Error('stop')) }),
    ).rejects.toThrow('stop');
    const controller = new AbortController();
    const { session } = await open({ secrets: {} }, { ...options, signal: controller.signal });
    controller.abort();
    await session.closed;
  });
});

test('a caller that is busy does not hold up its session', async () => {
  const { session, peer } = await open({ secrets: { a: 'b' } });
  // The peer is in this thread too, so what shows is that the answer was there when this thread came back.
  const answer = peer.unary(secrets.Secrets.methods.GetSecret, { ID: 'a' });
  await new Promise((resolve) => {
    setTimeout(resolve, 50);
  });
  const until = performance.now() + 300;
  while (performance.now() < until);
  expect((await answer).data.length).toBe(1);
  await session.close();
});

test('a session goes through a program to a daemon that only the program reaches', async () => {
  const { path } = daemon.endpoint as { path: string };
  const pipe = `const s = require('node:net').connect(process.argv[1]); process.stdin.pipe(s).pipe(process.stdout);`;
  const session = await openSession(
    { kind: 'command', program: process.execPath, args: ['-e', pipe, path], address: 'test://' },
    { secrets: { a: 'b' } },
  );
  await expect.poll(() => offered.length).toBe(1);
  expect((await offered.at(0)!.peer.unary(secrets.Secrets.methods.GetSecret, { ID: 'a' })).data.length).toBe(
    1,
  );
  await session.close();
});

test('sessions leave nothing behind, however many there were', async () => {
  const resources = (): number => process.getActiveResourcesInfo().length;
  const openAndClose = async (): Promise<void> => {
    const session = await openSession(daemon.endpoint, { secrets: {} }, { worker: false });
    await session.close();
  };
  await openAndClose();
  await expect.poll(() => daemon.sessions.size).toBe(0);
  const before = resources();
  for (let i = 0; i < 200; i++) await openAndClose();
  await expect.poll(() => daemon.sessions.size).toBe(0);
  await expect.poll(resources).toBeLessThanOrEqual(before);
});
