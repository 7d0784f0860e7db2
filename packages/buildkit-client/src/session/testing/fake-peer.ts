import { connect, type ClientHttp2Session } from 'node:http2';
import { Duplex } from 'node:stream';
import { decode, encode, type Init, type Method } from '@melange2/proto';
import { deframer, frame } from '../../grpc/message-frames.ts';
import { duplexTransport } from '../../http2/transport.ts';
import { serveSession } from '../serve-session.ts';
import { sessionServices } from '../session-services.ts';
import type { SessionHost, SessionPlan } from '../session-host.ts';

/** How a call has ended. */
export interface PeerStatus {
  readonly code: number;
  readonly message: string;
}

/** A call that the peer, in the place of a daemon, makes. */
export interface PeerCall {
  readonly send: (message: Uint8Array) => void;
  /** Sends bytes without a frame. */
  readonly sendRaw: (bytes: Uint8Array) => void;
  readonly end: () => void;
  readonly cancel: () => void;
  /** The next message; `undefined` when the client has ended the call. */
  readonly next: () => Promise<Buffer | undefined>;
  readonly status: Promise<PeerStatus>;
}

/** Speaks to a session as a daemon does. */
export interface FakePeer {
  readonly call: (path: string, metadata?: Readonly<Record<string, string | readonly string[]>>) => PeerCall;
  readonly unary: <Request, Response>(
    method: Method<Request, Response>,
    request: Init<Request>,
    metadata?: Readonly<Record<string, string | readonly string[]>>,
  ) => Promise<Response>;
  readonly http2: ClientHttp2Session;
  readonly close: () => void;
}

/** Speaks on a stream whose other end serves a session. */
export function fakePeer(duplex: Duplex): FakePeer {
  const http2 = connect('http://localhost', {
    createConnection: () => duplex,
    settings: { initialWindowSize: 16 << 20 },
    maxSessionMemory: 1024,
  });
  http2.on('error', () => {});
  http2.setLocalWindowSize(16 << 20);
  const call: FakePeer['call'] = (path, metadata = {}) => {
    const headers: Record<string, string | string[]> = {
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    };
    for (const [name, value] of Object.entries(metadata))
      headers[name] = typeof value === 'string' ? value : [...value];
    const stream = http2.request(headers, { endStream: false });
    const { push } = deframer(64 << 20);
    const queue: Buffer[] = [];
    let over = false;
    let wake: (() => void) | undefined;
    let settle!: (status: PeerStatus) => void;
    const status = new Promise<PeerStatus>((resolve) => {
      settle = resolve;
    });
    const note = (fields: Readonly<Record<string, string | string[] | number | undefined>>): void => {
      if (fields['grpc-status'] === undefined) return;
      settle({
        code: Number(fields['grpc-status']),
        message: decodeURIComponent((fields['grpc-message'] ?? '').toString()),
      });
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('data', (chunk: Buffer) => {
      queue.push(...push(chunk));
      wake?.();
    });
    stream.on('error', () => {});
    const finish = (): void => {
      over = true;
      wake?.();
    };
    stream.on('end', finish);
    stream.on('close', () => {
      settle({ code: -1, message: `reset with ${stream.rstCode}` });
      finish();
    });
    return {
      send: (message) => void stream.write(frame(message)),
      sendRaw: (bytes) => void stream.write(bytes),
      end: () => void stream.end(),
      // `close` would end the stream in good order before it resets it.
      cancel: () => void stream.destroy(new Error('cancelled')),
      async next() {
        for (;;) {
          const message = queue.shift();
          if (message !== undefined) return message;
          if (over) return undefined;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          wake = undefined;
        }
      },
      status,
    };
  };
  return {
    call,
    async unary(method, request, metadata) {
      const one = call(method.path, metadata);
      one.send(encode(method.requestType, request));
      one.end();
      const message = await one.next();
      const { code, message: text } = await one.status;
      if (code !== 0) throw Object.assign(new Error(text), { code });
      return decode(method.responseType, message!);
    },
    http2,
    close() {
      http2.destroy();
      duplex.destroy();
    },
  };
}

/** Two streams; what is written to one is read from the other. */
export function duplexPair(): readonly [Duplex, Duplex] {
  const make = (): Duplex & { other?: Duplex; resume2?: (() => void) | undefined } =>
    new Duplex({
      read() {
        const waiting = half.get(this);
        half.delete(this);
        waiting?.();
      },
      write(chunk: Buffer, _encoding, done) {
        const other = this === a ? b : a;
        // Later, as between sockets: Node's HTTP/2 breaks when it is answered while it writes.
        process.nextTick(() => {
          if (other.destroyed || other.push(chunk)) done();
          else half.set(other, done);
        });
      },
      final(done) {
        (this === a ? b : a).push(null);
        done();
      },
      destroy(error, done) {
        const other = this === a ? b : a;
        if (!other.destroyed) setImmediate(() => other.destroy());
        done(error);
      },
    });
  const half = new Map<unknown, () => void>();
  const a: Duplex = make();
  const b: Duplex = make();
  return [a, b];
}

/** A plan that offers nothing. */
export const emptyPlan: SessionPlan = {
  localDirs: undefined,
  secrets: undefined,
  ssh: undefined,
  auth: false,
  contentStores: undefined,
  uploads: undefined,
  exports: undefined,
  sourcePolicy: false,
  sessionExporter: false,
  cacheDir: undefined,
  transfers: false,
};

/** A host that has nothing. */
export const emptyHost: SessionHost = {
  secret: () => Promise.resolve(undefined),
  credentials: () => Promise.resolve(undefined),
  upload: () => Promise.reject(new Error('There are no uploads.')),
  openExport: () => {
    throw new Error('There are no exports.');
  },
  checkPolicy: () => Promise.resolve({ action: 'allow' }),
  findExporters: () => Promise.resolve([]),
  finalizeExport: () => Promise.resolve(),
  transferred: () => {},
};

export interface TestSession {
  readonly peer: FakePeer;
  /** What handlers have thrown. */
  readonly failures: readonly unknown[];
  readonly close: () => Promise<void>;
}

/** Serves a plan in this thread and returns the daemon's side of it. */
export function testSession(plan: Partial<SessionPlan>, host: Partial<SessionHost> = {}): TestSession {
  const [ours, theirs] = duplexPair();
  const services = sessionServices({ ...emptyPlan, ...plan }, { ...emptyHost, ...host });
  const failures: unknown[] = [];
  const served = serveSession(duplexTransport(ours), services.handlers, (error) => failures.push(error));
  const peer = fakePeer(theirs);
  return {
    peer,
    failures,
    async close() {
      peer.close();
      served.close();
      await served.closed;
      await services.close();
    },
  };
}
