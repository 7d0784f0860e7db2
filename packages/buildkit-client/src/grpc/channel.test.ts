import { createServer, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { control, rpc } from '@melange2/proto';
import { afterEach, describe, expect, test } from 'vitest';
import { answer, bytesOf, startFakeDaemon, type FakeHandler } from '../testing/fake-daemon.ts';
import { dial } from '../transport/dial.ts';
import { openChannel, type Channel, type ChannelOptions } from './channel.ts';
import type { ConnectionError, GrpcError } from './grpc-error.ts';

const { methods } = control.Control;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function channelTo(
  handlers: Readonly<Record<string, FakeHandler>>,
  options: ChannelOptions = {},
): Promise<Channel> {
  const daemon = await startFakeDaemon(handlers);
  cleanups.push(daemon.stop);
  const channel = await openChannel(await dial(daemon.endpoint), options);
  cleanups.push(channel.close);
  return channel;
}

/** A server that does with each connection what the test wants. */
async function rawServer(onConnection: (socket: Socket) => void): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'raw-'));
  const path = join(dir, 'sock');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => {
      server.close(resolve);
    });
    rmSync(dir, { recursive: true, force: true });
  });
  return path;
}

const failure = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    return await work.then(() => 'succeeded');
  } catch (cause) {
    return cause;
  }
};

describe('calls', () => {
  test('a question gets its answer', async () => {
    const channel = await channelTo(
      answer(methods.ListWorkers, (request) => ({ record: [{ ID: request.filter.join(' ') }] })),
    );
    const { record } = await channel.unary(methods.ListWorkers, { filter: ['a', 'b'] });
    expect(record.map(({ ID }) => ID)).toEqual(['a b']);
  });

  test('a refusal has its code, its words and its details, whatever is in them', async () => {
    const details = bytesOf(rpc.Status, {
      code: 5,
      message: 'no',
      details: [{ type_url: 'x', value: Buffer.of(0, 255) }],
    });
    const channel = await channelTo({
      [methods.Info.path]: (call) => call.end(5, 'there is no “file”: 100 %\n', details),
    });
    const error = (await failure(channel.unary(methods.Info, {}))) as GrpcError;
    expect([error.code, error.message, error.path]).toEqual([
      5,
      'there is no “file”: 100 %\n',
      methods.Info.path,
    ]);
    expect(Buffer.from(details).equals(error.detailBytes!)).toBe(true);
  });

  test('an answer counts only when the call ends well', async () => {
    const channel = await channelTo({
      [methods.Info.path]: (call) => {
        call.send(bytesOf(control.InfoResponse, {}));
        call.end(13, 'too late');
      },
    });
    expect(((await failure(channel.unary(methods.Info, {}))) as GrpcError).message).toBe('too late');
  });

  test('messages come in order, however the bytes are cut', async () => {
    const channel = await channelTo({
      [methods.Prune.path]: (call) => {
        for (let i = 0; i < 500; i++)
          call.send(bytesOf(control.UsageRecord, { ID: String(i), Description: 'x'.repeat(i * 7) }));
        call.end();
      },
    });
    const ids: string[] = [];
    for await (const { ID } of channel.serverStream(methods.Prune, {})) ids.push(ID);
    expect(ids).toEqual(Array.from({ length: 500 }, (_, i) => String(i)));
  });

  test('requests and answers may cross', async () => {
    const channel = await channelTo({
      [methods.Session.path]: async (call) => {
        for await (const bytes of call.requests) call.send(bytes);
        call.end();
      },
    });
    const call = channel.duplex(methods.Session);
    const sent = Array.from({ length: 20 }, (_, i) => Buffer.alloc(100_000, i));
    const sending = (async () => {
      for (const data of sent) await call.send({ data });
      call.end();
    })();
    let received = 0;
    for await (const { data } of call) expect(sent[received++]?.equals(data)).toBe(true);
    await sending;
    expect(received).toBe(20);
  });

  test('a reader that does not read holds the sender back', async () => {
    let sent = 0;
    const channel = await channelTo({
      [methods.Prune.path]: async (call) => {
        const record = bytesOf(control.UsageRecord, { Description: 'x'.repeat(1 << 20) });
        for (let i = 0; i < 200 && !call.stream.destroyed; i++) {
          call.send(record);
          sent++;
          if (call.stream.writableNeedDrain)
            await new Promise<void>((resolve) => {
              call.stream.once('drain', resolve);
              call.stream.once('close', resolve);
            });
        }
        call.end();
      },
    });
    const call = channel.serverStream(methods.Prune, {});
    await call.next();
    await new Promise((resolve) => {
      setTimeout(resolve, 200);
    });
    expect(sent).toBeLessThan(60);
    let received = 1;
    for await (const _ of call) received++;
    expect(received).toBe(200);
  });

  test('an abort ends the call on both sides, with the reason of the signal', async () => {
    let closed: Promise<void> | undefined;
    const channel = await channelTo({
      [methods.Solve.path]: (call) => {
        closed = call.closed;
      },
    });
    const stop = new AbortController();
    const solve = failure(channel.unary(methods.Solve, {}, { signal: stop.signal }));
    await expect.poll(() => closed !== undefined).toBe(true);
    stop.abort(new Error('enough'));
    expect(((await solve) as Error).message).toBe('enough');
    await closed;
  });

  test('an abort before the call begins keeps it from beginning', async () => {
    const channel = await channelTo({});
    const work = failure(channel.unary(methods.Info, {}, { signal: AbortSignal.abort(new Error('no')) }));
    expect(((await work) as Error).message).toBe('no');
  });
});

describe('a daemon that misbehaves', () => {
  test('a message over the limit is refused before it is collected', async () => {
    const channel = await channelTo(
      {
        [methods.Info.path]: (call) => {
          call.stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
          call.stream.write(Buffer.of(0, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3));
        },
      },
      { maxMessageBytes: 1000 },
    );
    const error = (await failure(channel.unary(methods.Info, {}))) as GrpcError;
    expect(error.code).toBe(8);
    expect(error.message).toBe('The peer announced a message of 2147483647 bytes; at most 1000 are taken.');
  });

  test('a message that is no message is an error of the call', async () => {
    const channel = await channelTo({
      [methods.Info.path]: (call) => {
        call.send(Buffer.of(0x0a, 0x7f, 1));
        call.end();
      },
    });
    expect(((await failure(channel.unary(methods.Info, {}))) as GrpcError).code).toBe(13);
  });

  test('an end in the middle of a message is an error', async () => {
    const channel = await channelTo({
      [methods.Info.path]: (call) => {
        call.stream.on('wantTrailers', () => {});
        call.send(Buffer.alloc(0));
        call.stream.write(Buffer.of(0, 0, 0, 0, 9, 1));
        call.end();
      },
    });
    expect(((await failure(channel.unary(methods.Info, {}))) as GrpcError).code).toBe(13);
  });

  test('an end without a status is an error', async () => {
    const channel = await channelTo({
      [methods.Info.path]: (call) => {
        call.stream.respond({ ':status': 200 });
        call.stream.end();
      },
    });
    expect(((await failure(channel.unary(methods.Info, {}))) as GrpcError).code).toBe(14);
  });

  test('an HTTP error is told as one', async () => {
    const channel = await channelTo({
      [methods.Info.path]: (call) => call.stream.respond({ ':status': 502 }, { endStream: true }),
    });
    expect(((await failure(channel.unary(methods.Info, {}))) as GrpcError).message).toBe(
      'The daemon answered with HTTP status 502.',
    );
  });

  test('a connection that is reset fails every call under way and names them', async () => {
    const daemon = await startFakeDaemon({ [methods.Solve.path]: () => {}, [methods.Info.path]: () => {} });
    cleanups.push(daemon.stop);
    const channel = await openChannel(await dial(daemon.endpoint));
    const calls = [failure(channel.unary(methods.Solve, {})), failure(channel.unary(methods.Info, {}))];
    await expect.poll(() => daemon.calls.length).toBe(2);
    for (const session of daemon.sessions) session.destroy();
    for (const error of (await Promise.all(calls)) as ConnectionError[]) {
      expect(error.name).toBe('ConnectionError');
      expect(error.inFlight).toEqual([methods.Solve.path, methods.Info.path]);
    }
    expect((await channel.closed)?.reason).toBe('closed');
    expect(((await failure(channel.unary(methods.Info, {}))) as ConnectionError).name).toBe(
      'ConnectionError',
    );
  });

  test('a daemon that shuts down lets calls under way end, and takes no more', async () => {
    let finish = (): void => {};
    const daemon = await startFakeDaemon({
      [methods.Info.path]: (call) => {
        finish = () => {
          call.send(bytesOf(control.InfoResponse, {}));
          call.end();
        };
      },
    });
    cleanups.push(daemon.stop);
    const channel = await openChannel(await dial(daemon.endpoint));
    const info = channel.unary(methods.Info, {});
    await expect.poll(() => daemon.calls.length).toBe(1);
    for (const session of daemon.sessions) session.goaway(0);
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    const refused = (await failure(channel.unary(methods.Info, {}))) as ConnectionError;
    expect([refused.name, refused.reason]).toEqual(['ConnectionError', 'closed']);
    finish();
    await expect(info).resolves.toBeDefined();
    channel.close();
  });

  test('a daemon that hangs is given up on, with what was under way', async () => {
    const daemon = await startFakeDaemon({ [methods.Solve.path]: () => {} });
    cleanups.push(daemon.stop);
    let hangs = false;
    const socket = await dial(daemon.endpoint);
    const duplex = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        socket.write(chunk, () => done());
      },
    });
    socket.on('data', (chunk) => {
      if (!hangs) duplex.push(chunk);
    });
    cleanups.push(() => socket.destroy());
    const channel = await openChannel(duplex, { hangTimeoutMs: 600 });
    const solve = failure(channel.unary(methods.Solve, {}));
    await expect.poll(() => daemon.calls.length).toBe(1);
    hangs = true;
    const error = (await solve) as ConnectionError;
    expect([error.name, error.reason, error.inFlight]).toEqual([
      'ConnectionError',
      'hung',
      [methods.Solve.path],
    ]);
  });

  test('a daemon that is only slow is not given up on, though it has no health service', async () => {
    const channel = await channelTo(
      {
        [methods.Info.path]: async (call) => {
          await new Promise((resolve) => {
            setTimeout(resolve, 1500);
          });
          call.send(bytesOf(control.InfoResponse, {}));
          call.end();
        },
      },
      { hangTimeoutMs: 600 },
    );
    await expect(channel.unary(methods.Info, {})).resolves.toBeDefined();
  });

  test('a socket that takes the connection and says nothing is an error in time', async () => {
    const path = await rawServer(() => {});
    const duplex = await dial({ kind: 'unix', path });
    const error = (await failure(openChannel(duplex, { openTimeoutMs: 200 }))) as ConnectionError;
    expect([error.reason, duplex.destroyed]).toEqual(['timeout', true]);
  });

  test('a server that speaks something else is told as such', async () => {
    const path = await rawServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const error = (await failure(openChannel(await dial({ kind: 'unix', path })))) as ConnectionError;
    expect(error.reason).toBe('protocol');
  });

  test('a connection that is closed at once is an error', async () => {
    const path = await rawServer((socket) => socket.destroy());
    const error = (await failure(
      (async () => await openChannel(await dial({ kind: 'unix', path })))(),
    )) as ConnectionError;
    expect(error.name).toBe('ConnectionError');
  });
});
