import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { duplexPair } from '../session/testing/fake-peer.ts';
import { serveHttp2, type Http2Stream, type StreamReceiver } from './connection.ts';
import { http2Code } from './errors.ts';
import {
  clientPreface,
  frameFlag,
  frameHead,
  frameType,
  goawayFrame,
  headerFrames,
  numberFrame,
  setting,
  settingsFrame,
  smallFrame,
} from './frames.ts';
import { encodeHeaders, type Field } from './hpack.ts';
import { duplexTransport } from './transport.ts';

type Accept = (stream: Http2Stream, fields: readonly Field[]) => Partial<StreamReceiver>;

const settings = {
  headerLimits: { listBytes: 64 << 10, fields: 100 },
  maxStreams: 10,
  windowBytes: 1 << 20,
  connectionWindowBytes: 4 << 20,
};
const ok: Field[] = [[':status', '200']];
const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

interface Served {
  readonly theirs: Duplex;
  readonly closed: Promise<Error | undefined>;
  readonly close: () => void;
}

function serve(accept: Accept, options: Partial<typeof settings> = {}): Served {
  const [ours, theirs] = duplexPair();
  let settle!: (reason: Error | undefined) => void;
  const closed = new Promise<Error | undefined>((resolve) => {
    settle = resolve;
  });
  const connection = serveHttp2({
    transport: duplexTransport(ours),
    ...settings,
    ...options,
    closed: settle,
    accept: (stream, fields) => ({
      data: (part) => stream.used(part.length),
      end: () => {},
      closed: () => {},
      ...accept(stream, fields),
    }),
  });
  const close = (): void => connection.close();
  cleanups.push(close);
  return { theirs, closed, close };
}

/** Answers with what it was sent. */
const echo: Accept = (stream) => {
  stream.respond(ok);
  return {
    data(part) {
      const { length } = part;
      if (stream.write([Buffer.from(part)])) stream.used(length);
      else stream.onceLeft(() => stream.used(length));
    },
    end: () => stream.end([['grpc-status', '0']]),
  };
};

/** Cuts what passes into pieces. */
function cutting(other: Duplex, nextSize: () => number): Duplex {
  const duplex = new Duplex({
    read: () => void other.resume(),
    write(chunk: Buffer, _encoding, done) {
      let at = 0;
      const more = (): void => {
        if (at >= chunk.length) {
          done();
          return;
        }
        const size = nextSize();
        const part = chunk.subarray(at, at + size);
        at += part.length;
        other.write(part, more);
      };
      more();
    },
    destroy(error, done) {
      other.destroy();
      done(error);
    },
  });
  other.on('data', (chunk: Buffer) => {
    if (!duplex.push(chunk)) other.pause();
  });
  other.on('close', () => duplex.destroy());
  return duplex;
}

function nodeClient(duplex: Duplex, windowBytes = 1 << 20): ClientHttp2Session {
  const client = connect('http://localhost', {
    createConnection: () => duplex,
    settings: { initialWindowSize: windowBytes },
    maxSendHeaderBlockLength: 1 << 20,
  });
  client.on('error', () => {});
  cleanups.push(() => client.destroy());
  return client;
}

async function answerOf(
  stream: ClientHttp2Stream,
): Promise<{ readonly body: Buffer; readonly trailers: Record<string, unknown> }> {
  const parts: Buffer[] = [];
  let trailers: Record<string, unknown> = {};
  stream.on('trailers', (fields) => {
    trailers = { ...fields };
  });
  for await (const part of stream) parts.push(part as Buffer);
  return { body: Buffer.concat(parts), trailers };
}

describe("with Node's own client", () => {
  test('data comes back as it went, however the bytes are cut and whatever the windows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 200_000 }),
        fc.integer({ min: 1000, max: 1 << 20 }),
        async (sizes, length, windowBytes) => {
          const { theirs, close } = serve(echo, { windowBytes });
          let turn = 0;
          const client = nodeClient(
            cutting(theirs, () => sizes[turn++ % sizes.length] ?? 1),
            windowBytes,
          );
          const sent = Buffer.alloc(length);
          for (let i = 0; i < length; i++) sent[i] = (i * 7) ^ (i >> 8);
          const calls = [1, 2, 3].map((n) => {
            const stream = client.request({ ':method': 'POST', ':path': `/${n}` });
            stream.end(sent);
            return answerOf(stream);
          });
          for (const { body, trailers } of await Promise.all(calls)) {
            expect(body.equals(sent)).toBe(true);
            expect(trailers['grpc-status']).toBe('0');
          }
          client.destroy();
          close();
        },
      ),
      { numRuns: 25 },
    );
  });

  test('headers arrive in their order, repeated ones apart, long ones in several frames', async () => {
    const seen: (readonly Field[])[] = [];
    const { theirs } = serve(
      (stream, fields) => {
        seen.push(fields.filter(([name]) => !name.startsWith(':')));
        stream.respond(ok);
        stream.end();
        return {};
      },
      { headerLimits: { listBytes: 1 << 20, fields: 5000 } },
    );
    const client = nodeClient(theirs);
    const values = Array.from({ length: 2000 }, (_, i) => `pattern ${i}, Ω/${i * i}`);
    const encoded = values.map((value) => Buffer.from(value).toString('latin1'));
    for (let round = 0; round < 2; round++)
      await answerOf(client.request({ ':path': '/a', 'x-pattern': encoded, te: 'trailers' }));
    const expected = [...values.map((value) => ['x-pattern', value]), ['te', 'trailers']];
    expect(seen).toEqual([expected, expected]);
  });

  test('what is not used is not sent, and other calls are answered meanwhile', async () => {
    let came = 0;
    let held: Http2Stream | undefined;
    const { theirs } = serve((stream, fields) => {
      if (fields.some(([name, value]) => name === ':path' && value === '/echo')) return echo(stream, fields);
      held = stream;
      stream.respond(ok);
      return { data: (part) => void (came += part.length), end: () => stream.end() };
    });
    const client = nodeClient(theirs);
    const slow = client.request({ ':method': 'POST', ':path': '/slow' });
    slow.end(Buffer.alloc(3 << 20));
    await expect.poll(() => came).toBe(1 << 20);
    const other = client.request({ ':method': 'POST', ':path': '/echo' });
    other.end('health');
    expect((await answerOf(other)).body.toString()).toBe('health');
    expect(came).toBe(1 << 20);
    held!.used(1 << 20);
    await expect.poll(() => came).toBe(2 << 20);
    held!.used(1 << 20);
    await expect.poll(() => came).toBe(3 << 20);
    await answerOf(slow);
  });

  test('what the peer does not take waits, and has not left', async () => {
    let written: boolean | undefined;
    let left = false;
    const { theirs } = serve((stream) => {
      stream.respond(ok);
      written = stream.write([Buffer.alloc(3 << 20)]);
      stream.onceLeft(() => {
        left = true;
        stream.end();
      });
      return {};
    });
    const stream = nodeClient(theirs).request({ ':path': '/' });
    await new Promise((resolve) => {
      stream.once('response', resolve);
    });
    await delay(50);
    expect([written, left]).toEqual([false, false]);
    expect((await answerOf(stream)).body.length).toBe(3 << 20);
    expect(left).toBe(true);
  });

  test('either side resets a call, and the other calls go on', async () => {
    const resets: (number | undefined)[] = [];
    const { theirs } = serve((stream, fields) => {
      if (fields.some(([, value]) => value === '/reset')) stream.reset(http2Code.cancel);
      else if (fields.some(([, value]) => value === '/echo')) return echo(stream, fields);
      return { closed: (reset) => resets.push(reset) };
    });
    const client = nodeClient(theirs);
    const codes: (number | undefined)[] = [];
    for (const path of ['/reset', '/wait']) {
      const stream = client.request({ ':method': 'POST', ':path': path }, { endStream: false });
      stream.on('error', () => {});
      if (path === '/wait') setTimeout(() => stream.close(http2Code.refusedStream), 20);
      await new Promise((resolve) => {
        stream.once('close', resolve);
      });
      codes.push(stream.rstCode);
    }
    expect(codes).toEqual([http2Code.cancel, http2Code.refusedStream]);
    await expect.poll(() => resets).toContain(http2Code.refusedStream);
    const last = client.request({ ':method': 'POST', ':path': '/echo' });
    last.end('x');
    expect((await answerOf(last)).body.toString()).toBe('x');
  });

  test('more calls at once than were agreed on are refused, one by one', async () => {
    const { theirs } = serve(() => ({}));
    const opens = Array.from({ length: 11 }, (_, i) => headers(1 + 2 * i));
    const frames = framesFrom(theirs);
    theirs.write(Buffer.concat([clientPreface, hello, ...opens]));
    await expect.poll(() => frames.filter(({ type }) => type === frameType.reset)).toHaveLength(1);
    const reset = frames.find(({ type }) => type === frameType.reset);
    expect(reset).toMatchObject({ stream: 21, payload: Buffer.of(0, 0, 0, http2Code.refusedStream) });
  });

  test('an end of the byte stream ends the connection and its calls', async () => {
    let over = false;
    const { theirs, closed } = serve(() => ({ closed: () => void (over = true) }));
    theirs.write(Buffer.concat([clientPreface, settingsFrame([]), headers(1)]));
    theirs.end();
    expect(await closed).toBeUndefined();
    expect(over).toBe(true);
  });
});

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

function framesFrom(stream: Duplex): Frame[] {
  const frames: Frame[] = [];
  let rest: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3);
      frames.push({
        type: rest.readUInt8(3),
        flags: rest.readUInt8(4),
        stream: rest.readUInt32BE(5),
        payload: rest.subarray(9, end),
      });
      rest = rest.subarray(end);
    }
  });
  return frames;
}

const block = encodeHeaders([[':path', '/']]);
const headers = (stream: number, flags = 0): Buffer =>
  smallFrame(frameType.headers, frameFlag.endHeaders | flags, stream, block);
const data = (stream: number, bytes: number, flags = 0): Buffer =>
  smallFrame(frameType.data, flags, stream, Buffer.alloc(bytes));
const nothing = Buffer.alloc(0);
const hello = settingsFrame([]);

describe('a client that breaks the rules is given up:', () => {
  const { protocol, flowControl, streamClosed, frameSize, compression, enhanceYourCalm } = http2Code;
  test.each<[what: string, code: number, frames: readonly Uint8Array[]]>([
    ['no settings at the beginning', protocol, [headers(1)]],
    ['settings that are cut off', frameSize, [smallFrame(frameType.settings, 0, 0, Buffer.alloc(5))]],
    ['settings of a stream', protocol, [smallFrame(frameType.settings, 0, 1, nothing)]],
    ['a window over the limit', flowControl, [settingsFrame([[setting.initialWindowSize, 2 ** 31]])]],
    ['frames that are too small', protocol, [settingsFrame([[setting.maxFrameSize, 100]])]],
    ['a frame that is too large', frameSize, [hello, frameHead(frameType.data, 0, 1, 16_385)]],
    ['an unknown frame that is too large', frameSize, [hello, frameHead(99, 0, 1, 1 << 20)]],
    ['data of no stream', protocol, [hello, data(0, 1)]],
    ['data of a stream that was not opened', protocol, [hello, data(3, 1)]],
    ['a stream with an even number', protocol, [hello, headers(2)]],
    ['data behind the end', streamClosed, [hello, headers(1, frameFlag.endStream), data(1, 1)]],
    ['headers behind the end', streamClosed, [hello, headers(1, frameFlag.endStream), headers(1)]],
    ['trailers that do not end', protocol, [hello, headers(1), headers(1)]],
    [
      'padding larger than the frame',
      protocol,
      [hello, headers(1), smallFrame(frameType.data, frameFlag.padded, 1, Buffer.of(9, 0))],
    ],
    ['a push', protocol, [hello, smallFrame(frameType.pushPromise, 0, 1, Buffer.alloc(8))]],
    ['a short ping', frameSize, [hello, smallFrame(frameType.ping, 0, 0, Buffer.alloc(7))]],
    ['a window that does not grow', protocol, [hello, numberFrame(frameType.windowUpdate, 0, 0)]],
    ['a window that overflows', flowControl, [hello, numberFrame(frameType.windowUpdate, 0, 2 ** 31 - 1)]],
    ['a reset of what was never opened', protocol, [hello, numberFrame(frameType.reset, 9, 8)]],
    [
      'more data of a call than was asked for',
      flowControl,
      [hello, headers(1), ...Array.from({ length: 7 }, () => data(1, 16_384))],
    ],
    [
      'more data of all calls than was asked for',
      flowControl,
      [
        hello,
        ...[1, 3, 5, 7].flatMap((id) => [headers(id), ...Array.from({ length: 5 }, () => data(id, 16_384))]),
      ],
    ],
    [
      'headers that cannot be read',
      compression,
      [hello, smallFrame(frameType.headers, frameFlag.endHeaders, 1, Buffer.of(0xff))],
    ],
    ['a continuation of nothing', protocol, [hello, smallFrame(frameType.continuation, 4, 1, nothing)]],
    ['data between headers', protocol, [hello, smallFrame(frameType.headers, 0, 1, block), data(1, 1)]],
    [
      'continuations without end',
      enhanceYourCalm,
      [
        hello,
        smallFrame(frameType.headers, 0, 1, nothing),
        ...Array.from({ length: 100 }, () => smallFrame(frameType.continuation, 0, 1, nothing)),
      ],
    ],
    [
      'headers without end',
      enhanceYourCalm,
      [hello, ...headerFrames(1, Buffer.alloc(100_000), false, 16_384)],
    ],
    [
      'calls that are reset at once, again and again',
      enhanceYourCalm,
      [
        hello,
        ...Array.from({ length: 1200 }, (_, i) => [
          headers(2 * i + 1),
          numberFrame(frameType.reset, 2 * i + 1, 8),
        ]).flat(),
      ],
    ],
  ])('%s', async (_, code, frames) => {
    const { theirs, closed } = serve(() => ({ data: () => {} }), {
      windowBytes: 100_000,
      connectionWindowBytes: 300_000,
    });
    const answers = framesFrom(theirs);
    const bytes = Buffer.concat([clientPreface, ...frames]);
    // One after the other, as a network may bring them.
    for (let at = 0; at < bytes.length; at += 5000) theirs.write(bytes.subarray(at, at + 5000));
    expect(await closed).toMatchObject({ name: 'Http2Error', code });
    await expect.poll(() => answers.at(-1)?.type).toBe(frameType.goaway);
    expect(answers.at(-1)!.payload.readUInt32BE(4)).toBe(code);
  });

  test('something else than HTTP/2', async () => {
    const { theirs, closed } = serve(() => ({}));
    theirs.write('GET / HTTP/1.1\r\n\r\n');
    expect(await closed).toMatchObject({ code: http2Code.protocol });
  });

  test('questions without end whose answers it does not take', async () => {
    const { theirs, closed } = serve(() => ({}));
    const ping = smallFrame(frameType.ping, 0, 0, Buffer.alloc(8));
    theirs.write(Buffer.concat([clientPreface, hello]));
    for (let i = 0; i < 40; i++) theirs.write(Buffer.concat(Array.from({ length: 1000 }, () => ping)));
    expect(await closed).toMatchObject({ code: http2Code.enhanceYourCalm });
  });
});

describe('a client may', () => {
  test('pad, give priorities, send what nobody knows, ask whether anybody is there, and say goodbye', async () => {
    const got: Buffer[] = [];
    let ended = false;
    const { theirs } = serve((stream) => ({
      data(part) {
        got.push(Buffer.from(part));
        stream.used(part.length);
      },
      end: () => void (ended = true),
    }));
    const answers = framesFrom(theirs);
    const { padded, priority, endHeaders, endStream } = frameFlag;
    const bytes = Buffer.concat([
      clientPreface,
      hello,
      smallFrame(
        frameType.headers,
        padded | priority | endHeaders,
        1,
        Buffer.concat([Buffer.of(3), Buffer.alloc(5), block, Buffer.alloc(3)]),
      ),
      smallFrame(frameType.priority, 0, 1, Buffer.alloc(5)),
      smallFrame(77, 0, 1, Buffer.from('whatever')),
      smallFrame(
        frameType.data,
        padded,
        1,
        Buffer.concat([Buffer.of(4), Buffer.from('data'), Buffer.alloc(4)]),
      ),
      smallFrame(frameType.ping, 0, 0, Buffer.from('12345678')),
      goawayFrame(0, http2Code.none, 'bye'),
      smallFrame(frameType.data, endStream | padded, 1, Buffer.of(0)),
    ]);
    for (const byte of bytes) theirs.write(Buffer.of(byte));
    await expect.poll(() => ended).toBe(true);
    expect(Buffer.concat(got).toString()).toBe('data');
    const ping = answers.find(({ type }) => type === frameType.ping);
    expect(ping).toMatchObject({ flags: frameFlag.ack, payload: Buffer.from('12345678') });
  });

  test('take back what it has given of a window', async () => {
    const { theirs } = serve((stream) => {
      stream.respond(ok);
      stream.write([Buffer.alloc(100, 'x')]);
      stream.end();
      return {};
    });
    const frames = framesFrom(theirs);
    const sent = (): number =>
      frames
        .filter(({ type }) => type === frameType.data)
        .reduce((sum, { payload }) => sum + payload.length, 0);
    theirs.write(
      Buffer.concat([clientPreface, settingsFrame([[setting.initialWindowSize, 10]]), headers(1)]),
    );
    await expect.poll(sent).toBe(10);
    // Now it is 20 below what was sent; 25 more leave 5.
    theirs.write(settingsFrame([[setting.initialWindowSize, 0]]));
    theirs.write(numberFrame(frameType.windowUpdate, 1, 15));
    await expect.poll(sent).toBe(15);
    theirs.write(settingsFrame([[setting.initialWindowSize, 1000]]));
    await expect.poll(sent).toBe(100);
    await expect
      .poll(() => frames.at(-1))
      .toMatchObject({ type: frameType.data, flags: frameFlag.endStream });
  });
});
