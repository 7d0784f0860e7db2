import type { Socket } from 'node:net';

const frame = { data: 0, headers: 1, settings: 4, ping: 6, windowUpdate: 8 } as const;
const flag = { endStream: 1, ack: 1, endHeaders: 4 } as const;
const initialWindow = 4;
const headBytes = 9;
const defaultWindowBytes = 65_535;
/** What is not taken before more is asked for; a daemon's is as large. */
const windowBytes = 16 << 20;
/** What daemons put into one frame. */
const frameBytes = 16 << 10;

/** One call of a daemon to a session, of which nothing but HTTP/2's frames is known. */
export interface DaemonCall {
  /** Sends what was framed before with `framesOf`, `dataBytes` of it being data. Resolves when more may be sent. */
  readonly send: (frames: Buffer, dataBytes: number) => Promise<void>;
  readonly end: () => void;
  /** Settles when the client has ended the call. */
  readonly ended: Promise<void>;
}

/**
 * Makes a call as a daemon does, on the connection of a session, with as little work as can be: what the daemon's side
 * costs must not count as the client's.
 *
 * @param take gets the data of the call as it comes, cut anywhere.
 */
export function callSession(
  socket: Socket,
  path: string,
  metadata: Readonly<Record<string, string>>,
  take: (data: Buffer) => void,
): DaemonCall {
  const credit = { connection: defaultWindowBytes, stream: defaultWindowBytes };
  let wake: (() => void) | undefined;
  let untold = 0;
  let settle!: () => void;
  const ended = new Promise<void>((resolve) => {
    settle = resolve;
  });

  const control = (type: number, flags: number, stream: number, body: Buffer): void => {
    if (type === frame.windowUpdate) credit[stream === 0 ? 'connection' : 'stream'] += body.readUInt32BE(0);
    else if (type === frame.settings && (flags & flag.ack) === 0) {
      for (let at = 0; at < body.length; at += 6)
        if (body.readUInt16BE(at) === initialWindow)
          credit.stream += body.readUInt32BE(at + 2) - defaultWindowBytes;
      socket.write(frameOf(frame.settings, flag.ack, 0, Buffer.alloc(0)));
    } else if (type === frame.ping && (flags & flag.ack) === 0)
      socket.write(frameOf(frame.ping, flag.ack, 0, body));
    wake?.();
  };

  // A head and the bodies of control frames are collected; data is handed on in place.
  const head = Buffer.alloc(headBytes);
  let headLength = 0;
  let left = 0;
  let body: Buffer[] = [];
  const finish = (): void => {
    const [type, flags, stream] = [head[3]!, head[4]!, head.readUInt32BE(5)];
    if (type !== frame.data) control(type, flags, stream, Buffer.concat(body));
    body = [];
    headLength = 0;
    if (type <= frame.headers && stream === 1 && (flags & flag.endStream) !== 0) settle();
  };
  const read = (chunk: Buffer): void => {
    let at = 0;
    while (at < chunk.length) {
      if (headLength < headBytes) {
        head[headLength++] = chunk[at++]!;
        if (headLength < headBytes) continue;
        left = head.readUIntBE(0, 3);
      } else {
        const part = chunk.subarray(at, at + left);
        at += part.length;
        left -= part.length;
        if (head[3] === frame.data) {
          untold += part.length;
          take(part);
        } else body.push(part);
      }
      if (left === 0) finish();
    }
    if (untold < windowBytes / 4) return;
    for (const stream of [0, 1]) socket.write(frameOf(frame.windowUpdate, 0, stream, number32(untold)));
    untold = 0;
  };

  socket.on('close', settle);
  socket.on('data', read);
  const window = Buffer.alloc(6);
  window.writeUInt16BE(initialWindow, 0);
  window.writeUInt32BE(windowBytes, 2);
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  socket.write(frameOf(frame.settings, 0, 0, window));
  socket.write(frameOf(frame.windowUpdate, 0, 0, number32(windowBytes - defaultWindowBytes)));
  socket.write(frameOf(frame.headers, flag.endHeaders, 1, callHeaders(path, metadata)));
  return {
    ended,
    async send(frames, dataBytes) {
      while (Math.min(credit.connection, credit.stream) < dataBytes)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      wake = undefined;
      credit.connection -= dataBytes;
      credit.stream -= dataBytes;
      if (!socket.write(frames))
        await new Promise((resolve) => {
          socket.once('drain', resolve);
        });
    },
    end: () => void socket.write(frameOf(frame.data, flag.endStream, 1, Buffer.alloc(0))),
  };
}

/** Returns data in the frames that carry it. */
export function framesOf(data: Buffer): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < data.length; at += frameBytes)
    frames.push(frameOf(frame.data, 0, 1, data.subarray(at, at + frameBytes)));
  return Buffer.concat(frames);
}

function callHeaders(path: string, metadata: Readonly<Record<string, string>>): Buffer {
  const headers = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': 'localhost',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...metadata,
  };
  // Each as a literal that is not remembered (RFC 7541, 6.2.2).
  return Buffer.concat(
    Object.entries(headers).map(([name, value]) =>
      Buffer.concat([
        Buffer.of(0, name.length),
        Buffer.from(name),
        Buffer.of(value.length),
        Buffer.from(value),
      ]),
    ),
  );
}

function frameOf(type: number, flags: number, stream: number, body: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUIntBE(body.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, body]);
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
