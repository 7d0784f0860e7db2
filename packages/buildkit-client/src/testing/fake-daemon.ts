import { mkdtempSync, rmSync } from 'node:fs';
import {
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { control, decode, encode, gateway, type Init, type MessageType, type Method } from '@melange2/proto';
import type { Endpoint } from '../endpoint.ts';
import { deframer, frame } from '../grpc/message-frames.ts';

/** A call as the fake daemon sees it. */
export interface FakeCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly stream: ServerHttp2Stream;
  /** Settles when the client or the daemon has ended the call. */
  readonly closed: Promise<void>;
  readonly requests: AsyncIterable<Buffer>;
  readonly send: (message: Uint8Array) => void;
  /** Ends the call with a status. */
  readonly end: (code?: number, message?: string, details?: Uint8Array) => void;
}

export type FakeHandler = (call: FakeCall) => void | Promise<void>;

export interface FakeDaemon {
  readonly endpoint: Endpoint;
  readonly address: string;
  /** Paths of all calls so far. */
  readonly calls: readonly string[];
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  readonly stop: () => Promise<void>;
}

/** Starts a gRPC server on a unix socket that answers as the handlers say, and refuses every other method. */
export async function startFakeDaemon(handlers: Readonly<Record<string, FakeHandler>>): Promise<FakeDaemon> {
  const dir = mkdtempSync(join(tmpdir(), 'fake-daemon-'));
  const path = join(dir, 'sock');
  const calls: string[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer({ settings: { initialWindowSize: 1 << 20 } });
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {});
  });
  server.on('stream', (stream, headers) => {
    const call = fakeCall(stream, headers);
    calls.push(call.path);
    const handler = handlers[call.path];
    if (handler === undefined) {
      call.end(12, `unknown method ${call.path}`);
      return;
    }
    Promise.resolve(handler(call)).catch((cause: unknown) => call.end(2, String(cause)));
  });
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  return {
    endpoint: { kind: 'unix', path },
    address: `unix://${path}`,
    calls,
    sessions,
    async stop() {
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function fakeCall(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): FakeCall {
  let opened = false;
  let trailers: Record<string, string> = {};
  stream.setMaxListeners(0);
  stream.on('error', () => {});
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  const open = (): void => {
    if (opened) return;
    opened = true;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  };
  return {
    path: headers[':path'] ?? '',
    headers,
    stream,
    closed: new Promise((resolve) => {
      stream.on('close', resolve);
    }),
    requests: readRequests(stream),
    send(message) {
      if (stream.destroyed) return;
      open();
      stream.write(frame(message));
    },
    end(code = 0, message = '', details) {
      if (stream.destroyed) return;
      trailers = {
        'grpc-status': String(code),
        ...(message === '' ? {} : { 'grpc-message': encodeURIComponent(message) }),
        ...(details === undefined
          ? {}
          : { 'grpc-status-details-bin': Buffer.from(details).toString('base64') }),
      };
      if (!opened && code !== 0) {
        // What grpc-go calls a trailers-only answer.
        stream.respond(
          { ':status': 200, 'content-type': 'application/grpc', ...trailers },
          { endStream: true },
        );
        return;
      }
      open();
      stream.end();
    },
  };
}

async function* readRequests(stream: ServerHttp2Stream): AsyncGenerator<Buffer> {
  const { push } = deframer(64 << 20);
  for await (const chunk of stream) yield* push(chunk as Buffer);
}

/** Returns the first request of a call; the call goes on. */
export async function firstRequest(call: FakeCall): Promise<Buffer> {
  const { value } = await call.requests[Symbol.asyncIterator]().next();
  return value ?? Buffer.alloc(0);
}

/** Answers one request with one response. */
export function answer<Request, Response>(
  method: Method<Request, Response>,
  handler: (request: Request, call: FakeCall) => Init<Response> | Promise<Init<Response>>,
): Record<string, FakeHandler> {
  return {
    [method.path]: async (call) => {
      const response = await handler(decode(method.requestType, await firstRequest(call)), call);
      call.send(encode(method.responseType, response));
      call.end();
    },
  };
}

/** Encodes a message, for handlers that answer by hand. */
export function bytesOf<T>(type: MessageType<T>, value: Init<T>): Uint8Array {
  return encode(type, value);
}

/**
 * Handlers of a daemon on which every graph can be solved: a build is open until a result is returned for it.
 *
 * `llb` and `gatewayCaps` are what it says that it can do.
 */
export function buildingHandlers(
  options: { readonly llb?: readonly string[]; readonly gatewayCaps?: readonly string[] } = {},
): Record<string, FakeHandler> {
  const open = new Map<string, (error?: gateway.ReturnRequest['error']) => void>();
  const refOf = (call: FakeCall): string => String(call.headers['buildkit-controlapi-buildid']);
  const cap = (id: string): Init<gateway.PongResponse['LLBCaps'][number]> => ({ ID: id, Enabled: true });
  return {
    [control.Control.methods.Solve.path]: async (call) => {
      const { Ref, Definition } = decode(control.SolveRequest, await firstRequest(call));
      if (Definition !== undefined) {
        call.send(encode(control.SolveResponse, {}));
        call.end();
        return;
      }
      const outcome = await new Promise<gateway.ReturnRequest['error']>((resolve) => {
        open.set(Ref, resolve);
        void call.closed.then(() => resolve(undefined));
      });
      open.delete(Ref);
      if (outcome === undefined) {
        call.send(encode(control.SolveResponse, {}));
        call.end();
      } else call.end(outcome.code, outcome.message);
    },
    [control.Control.methods.Status.path]: async (call) => {
      const { Ref } = decode(control.StatusRequest, await firstRequest(call));
      while (open.has(Ref) && !call.stream.destroyed)
        await new Promise((resolve) => {
          setTimeout(resolve, 1);
        });
      call.end();
    },
    ...answer(gateway.LLBBridge.methods.Ping, (_, call) => {
      if (!open.has(refOf(call))) throw new Error('no such job');
      return {
        LLBCaps: (options.llb ?? []).map(cap),
        FrontendAPICaps: (options.gatewayCaps ?? ['solve.base', 'return', 'gateway.solve.evaluate']).map(cap),
      };
    }),
    ...answer(gateway.LLBBridge.methods.Solve, () => ({
      result: { result: { kind: 'ref', value: { id: 'result' } } },
    })),
    ...answer(gateway.LLBBridge.methods.Return, (request, call) => {
      open.get(refOf(call))?.(request.error);
      return {};
    }),
  };
}
