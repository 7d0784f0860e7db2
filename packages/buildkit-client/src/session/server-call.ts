import { decode, encode, type Init, type Method } from '@melange2/proto';
import { grpcCode } from '../grpc/grpc-error.ts';
import { deframer, frame } from '../grpc/message-frames.ts';
import type { Http2Stream, StreamReceiver } from '../http2/connection.ts';
import { http2Code } from '../http2/errors.ts';
import type { Field } from '../http2/hpack.ts';
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
  /**
   * Hands what comes to `take`, in views that are valid during its call, until the daemon has said that nothing
   * follows. The daemon may send as much again when the promise of `take`, if there is one, has resolved.
   */
  readonly each: (take: (chunk: Buffer) => Promise<void> | undefined) => Promise<void>;
  /** Writes bytes that are framed already. True: they have left, and their memory is free. False: wait for `drained`. */
  readonly write: (parts: readonly Uint8Array[]) => boolean;
  /** Resolves when all that was written has left. Rejects when the call is over. */
  readonly drained: () => Promise<void>;
}

/** Serves one method. The call ends well when it resolves. */
export type CallHandler = (call: ServerCall) => Promise<void>;

/** How long a daemon may go on sending after a call has ended. */
const lingerMs = 5000;
/** Messages larger than this are refused before they are collected. */
const maxMessageBytes = 32 << 20;

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
  stream: Http2Stream,
  path: string,
  metadata: CallMetadata,
  handler: CallHandler | undefined,
  failed: (error: unknown) => void,
): StreamReceiver {
  const abort = new AbortController();
  let queue: Buffer[] = [];
  let queued = 0;
  let taker: ((chunk: Buffer) => void) | undefined;
  let ended = false;
  let finished = false;
  let isOver = false;
  let linger: NodeJS.Timeout | undefined;
  let wake: (() => void) | undefined;
  const gone = (): StatusError => new StatusError(grpcCode.canceled, 'The daemon gave the call up.');

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
          stream.used(queued);
          queued = 0;
          return chunks;
        }
        if (ended) return undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = undefined;
      }
    },
    async each(take) {
      let failure: { readonly cause: unknown } | undefined;
      const fail = (cause: unknown): void => {
        failure ??= { cause };
        wake?.();
      };
      taker = (chunk) => {
        const { length } = chunk;
        const used = (): void => stream.used(length);
        try {
          const work = take(chunk);
          if (work === undefined) used();
          else work.then(used, fail);
        } catch (cause) {
          fail(cause);
        }
      };
      for (const chunk of queue.splice(0)) taker(chunk);
      queued = 0;
      try {
        for (;;) {
          if (ended || failure !== undefined || abort.signal.aborted) break;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        taker = undefined;
        wake = undefined;
      }
      if (failure !== undefined) throw failure.cause;
      if (abort.signal.aborted) throw gone();
    },
    write(parts) {
      if (isOver) throw gone();
      return stream.write(parts);
    },
    drained() {
      if (isOver) return Promise.reject(gone());
      if (stream.hasLeft()) return Promise.resolve();
      return new Promise((resolve, reject) => {
        stream.onceLeft(() => {
          if (isOver) reject(gone());
          else resolve();
        });
      });
    },
  };

  const finish = (code: number, text: string): void => {
    finished = true;
    queue = [];
    if (isOver) return;
    const trailers: Field[] = [['grpc-status', String(code)]];
    if (text !== '') trailers.push(['grpc-message', encodeGrpcMessage(text)]);
    stream.used(queued);
    stream.end(trailers);
    if (ended) return;
    // A daemon that is still sending resets the stream when it has read this; a reset from here could overtake it.
    linger = setTimeout(() => stream.reset(http2Code.none), lingerMs);
    linger.unref();
  };

  stream.respond([
    [':status', '200'],
    ['content-type', 'application/grpc'],
  ]);
  if (handler === undefined) finish(grpcCode.unimplemented, `The client does not serve ${path}.`);
  else
    handler(call).then(
      () => finish(grpcCode.ok, ''),
      (thrown: unknown) => {
        if (!abort.signal.aborted && !(thrown instanceof StatusError)) failed(thrown);
        const { code, text } = statusOf(thrown);
        finish(code, text);
      },
    );

  return {
    data(part) {
      if (finished) stream.used(part.length);
      else if (taker !== undefined) taker(part);
      else {
        queue.push(Buffer.from(part));
        queued += part.length;
        wake?.();
      }
    },
    end() {
      ended = true;
      wake?.();
    },
    closed() {
      isOver = true;
      clearTimeout(linger);
      if (!finished) abort.abort(gone());
      wake?.();
    },
  };
}

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
