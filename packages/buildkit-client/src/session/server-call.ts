import type { ServerHttp2Stream } from 'node:http2';
import { decode, encode, type Init, type Method } from '@melange2/proto';
import { grpcCode } from '../grpc/grpc-error.ts';
import { deframer, frame } from '../grpc/message-frames.ts';
import { StatusError, statusOf } from './status-error.ts';

/** Metadata of a call: names in lower case, all values of a name in the order they came. */
export type CallMetadata = ReadonlyMap<string, readonly string[]>;

/** A call that the daemon makes, as its handler sees it. */
export interface ServerCall {
  readonly path: string;
  readonly metadata: CallMetadata;
  /** Aborted when the daemon gives the call up, and when the session ends. */
  readonly signal: AbortSignal;
  /**
   * Returns what has come since the last time, as it came, without regard to messages; `undefined` when the daemon
   * has said that nothing follows. What is not read is not sent: this is what holds back a fast daemon.
   */
  readonly read: () => Promise<readonly Buffer[] | undefined>;
  /** Writes bytes that are framed already. False: wait for `drained` before the next. */
  readonly write: (parts: readonly Uint8Array[]) => boolean;
  /** Resolves when more may be written. Rejects when the call is over. */
  readonly drained: () => Promise<void>;
}

/** Serves one method. The call ends well when it resolves. */
export type CallHandler = (call: ServerCall) => Promise<void>;

/** How long a daemon may go on sending after a call has ended. */
const lingerMs = 5000;
/** Messages larger than this are refused before they are collected. */
const maxMessageBytes = 32 << 20;
/** What lies here unread before the daemon is held back. */
const queueBytes = 4 << 20;

/**
 * Returns a function that returns the whole messages that have come, at least one; `undefined` at the end.
 *
 * @throws {StatusError} from that function: RESOURCE_EXHAUSTED on a message over the limit.
 */
export function messagesOf(call: ServerCall): () => Promise<readonly Buffer[] | undefined> {
  const { push, empty } = deframer(maxMessageBytes);
  return async () => {
    for (;;) {
      const chunks = await call.read();
      if (chunks === undefined) {
        if (!empty()) throw new StatusError(grpcCode.internal, 'The last message was cut off.');
        return undefined;
      }
      const messages: Buffer[] = [];
      try {
        for (const chunk of chunks) messages.push(...push(chunk));
      } catch (cause) {
        throw new StatusError(grpcCode.resourceExhausted, (cause as Error).message, cause);
      }
      if (messages.length > 0) return messages;
    }
  };
}

/** Returns path and handler of a method with one request and one answer. */
export function unary<Request, Response>(
  method: Method<Request, Response>,
  handle: (request: Request, call: ServerCall) => Promise<Init<Response>> | Init<Response>,
): readonly [path: string, handler: CallHandler] {
  return [
    method.path,
    async (call) => {
      const next = messagesOf(call);
      const messages = await next();
      if (messages === undefined) throw new StatusError(grpcCode.invalidArgument, 'There was no request.');
      let request: Request;
      try {
        request = decode(method.requestType, messages[0]!);
      } catch (cause) {
        throw new StatusError(grpcCode.invalidArgument, `The request cannot be read.`, cause);
      }
      await send(call, encode(method.responseType, await handle(request, call)));
    },
  ];
}

/** Sends one message and waits until the next may be sent. */
export async function send(call: ServerCall, message: Uint8Array): Promise<void> {
  if (!call.write([frame(message)])) await call.drained();
}

/**
 * Runs the handler of a call on its HTTP/2 stream, and ends the stream with what became of it.
 *
 * `failed` hears what the handler has thrown, unless that is an answer (a `StatusError`) or the daemon had given the
 * call up.
 */
export function runCall(
  stream: ServerHttp2Stream,
  path: string,
  metadata: CallMetadata,
  handler: CallHandler | undefined,
  failed: (error: unknown) => void,
): void {
  const abort = new AbortController();
  let queue: Buffer[] = [];
  let queued = 0;
  let ended = false;
  let finished = false;
  let wake: (() => void) | undefined;
  const gone = (): StatusError => new StatusError(grpcCode.canceled, 'The daemon gave the call up.');

  stream.on('data', (chunk: Buffer) => {
    if (finished) return;
    queue.push(chunk);
    queued += chunk.length;
    if (queued > queueBytes) stream.pause();
    wake?.();
  });
  stream.on('end', () => {
    // A stream that was reset ends too; then what came is not all.
    if (stream.closed || stream.rstCode !== 0) abort.abort(gone());
    else ended = true;
    wake?.();
  });
  // 'close' follows.
  stream.on('error', () => {});
  stream.on('aborted', () => abort.abort(gone()));
  stream.on('close', () => {
    if (!finished) abort.abort(gone());
    wake?.();
  });

  const call: ServerCall = {
    path,
    metadata,
    signal: abort.signal,
    async read() {
      for (;;) {
        if (abort.signal.aborted) throw gone();
        if (queue.length > 0) {
          const chunks = queue;
          queue = [];
          queued = 0;
          if (stream.isPaused()) stream.resume();
          return chunks;
        }
        if (ended) return undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = undefined;
      }
    },
    write(parts) {
      if (abort.signal.aborted || stream.destroyed) throw gone();
      if (parts.length === 1) return stream.write(parts[0]!);
      stream.cork();
      let open = true;
      for (const part of parts) open = stream.write(part);
      stream.uncork();
      return open;
    },
    drained() {
      if (abort.signal.aborted || stream.destroyed) return Promise.reject(gone());
      if (!stream.writableNeedDrain) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const done = (): void => {
          stream.off('drain', done);
          stream.off('close', done);
          if (stream.destroyed) reject(gone());
          else resolve();
        };
        stream.on('drain', done);
        stream.on('close', done);
      });
    },
  };

  const finish = (code: number, text: string): void => {
    finished = true;
    queue = [];
    if (stream.destroyed || stream.closed) return;
    const trailers: Record<string, string> = { 'grpc-status': String(code) };
    if (text !== '') trailers['grpc-message'] = encodeGrpcMessage(text);
    stream.once('wantTrailers', () => {
      stream.sendTrailers(trailers);
      if (ended) return;
      // A daemon that is still sending resets the stream when it has read this; a reset from here could overtake it.
      const timer = setTimeout(() => stream.close(0), lingerMs);
      timer.unref();
      stream.once('close', () => clearTimeout(timer));
    });
    stream.resume();
    stream.end();
  };

  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, responseOptions);
  if (handler === undefined) {
    finish(grpcCode.unimplemented, `The client does not serve ${path}.`);
    return;
  }
  handler(call).then(
    () => finish(grpcCode.ok, ''),
    (thrown: unknown) => {
      if (!abort.signal.aborted && !(thrown instanceof StatusError)) failed(thrown);
      const { code, text } = statusOf(thrown);
      finish(code, text);
    },
  );
}

/** Nobody reads the date of an answer, and to write one Node loads what it knows of time zones: up to 8 MB. */
const responseOptions = { waitForTrailers: true, sendDate: false };

/** The text as a `grpc-message` trailer holds it. */
function encodeGrpcMessage(text: string): string {
  let out = '';
  for (const byte of Buffer.from(text, 'utf8').subarray(0, 4096)) {
    out +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}
