import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from 'node:http2';
import type { Duplex } from 'node:stream';
import { decode, encode, type Init, type Method } from '@melange2/proto';
import { ConnectionError, decodeGrpcMessage, GrpcError, grpcCode } from './grpc-error.ts';
import { openHttp2, toConnectionError, type Http2Options } from './http2-connection.ts';
import { deframer, frame } from './message-frames.ts';

/** Metadata of a call: several values of one name are sent as several headers. */
export type Metadata = Readonly<Record<string, string | readonly string[]>>;

export interface CallOptions {
  /** Cancels the call, which ends its work in the daemon too; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly metadata?: Metadata | undefined;
}

/** One call that is under way: a place to send requests and an iterator over responses. */
export interface Call<Request, Response> extends AsyncIterableIterator<Response> {
  /** Sends one message. Resolves when the next one may be sent: waiting for it is what holds back a fast sender. */
  readonly send: (request: Init<Request>) => Promise<void>;
  /** Says that no request follows. */
  readonly end: () => void;
  /** Stops the call on both sides; responses not yet taken are dropped. */
  readonly cancel: (reason?: unknown) => void;
  /** The response headers; `undefined` when the call ended without any. Never rejects. */
  readonly headers: Promise<IncomingHttpHeaders | undefined>;
  readonly next: () => Promise<IteratorResult<Response, undefined>>;
  readonly return: () => Promise<IteratorResult<Response, undefined>>;
}

/** A gRPC connection as a client. */
export interface Channel {
  /** One request, one response. */
  readonly unary: <Request, Response>(
    method: Method<Request, Response>,
    request: Init<Request>,
    options?: CallOptions,
  ) => Promise<Response>;
  /** One request, many responses. */
  readonly serverStream: <Request, Response>(
    method: Method<Request, Response>,
    request: Init<Request>,
    options?: CallOptions,
  ) => Call<Request, Response>;
  /** Requests and responses in any order. */
  readonly duplex: <Request, Response>(
    method: Method<Request, Response>,
    options?: CallOptions,
  ) => Call<Request, Response>;
  /** Settles when the connection has ended: with the reason, or `undefined` after `close`. Never rejects. */
  readonly closed: Promise<ConnectionError | undefined>;
  /** Ends the connection at once; calls under way reject. */
  readonly close: () => void;
}

export interface ChannelOptions extends Http2Options {
  /**
   * How long the peer may be silent while calls are under way, before the connection counts as hung: half of the time
   * passes in silence, then a health check has the other half to be answered. 0 never gives up.
   */
  readonly hangTimeoutMs?: number | undefined;
  /** Messages larger than this are refused. */
  readonly maxMessageBytes?: number | undefined;
}

/** What may lie in a call's queue before its stream is held back. */
const queueBytes = 4 << 20;
/** How long the failure of a connection may come behind the end of its calls. */
const connectionGraceMs = 25;
const healthPath = '/grpc.health.v1.Health/Check';

/**
 * Makes a gRPC connection of a byte stream whose other end speaks HTTP/2 without TLS.
 *
 * Resolves when the peer has sent its settings: by then it is known to speak HTTP/2.
 *
 * @throws {ConnectionError} `timeout` when the peer says nothing, `protocol` when it says something else.
 */
export async function openChannel(duplex: Duplex, options: ChannelOptions = {}): Promise<Channel> {
  const channel = new Http2Channel(await openHttp2(duplex, options), duplex, options);
  return {
    unary: channel.unary.bind(channel),
    serverStream: channel.serverStream.bind(channel),
    duplex: channel.duplex.bind(channel),
    close: channel.close.bind(channel),
    closed: channel.closed,
  };
}

class Http2Channel {
  readonly closed: Promise<ConnectionError | undefined>;
  readonly #session: ClientHttp2Session;
  readonly #duplex: Duplex;
  readonly #maxMessageBytes: number;
  readonly #hangTimeoutMs: number;
  readonly #calls = new Set<RunningCall>();
  #failure: ConnectionError | undefined;
  #closing = false;
  /** The daemon shuts down: it finishes what is under way and takes nothing new. */
  #ending = false;
  #over = false;
  #settle!: (reason: ConnectionError | undefined) => void;
  #heardAt = performance.now();
  #watch: NodeJS.Timeout | undefined;

  constructor(session: ClientHttp2Session, duplex: Duplex, options: ChannelOptions) {
    this.#session = session;
    this.#duplex = duplex;
    this.#maxMessageBytes = options.maxMessageBytes ?? 256 << 20;
    this.#hangTimeoutMs = options.hangTimeoutMs ?? 4500;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    session.on('error', (cause) => this.#fail(toConnectionError(cause, this.#inFlight())));
    session.on('goaway', (code, _last, data) => {
      const why = data === undefined ? '' : Buffer.from(data).toString('utf8');
      if (code === 0) {
        this.#ending = true;
        return;
      }
      this.#fail(
        new ConnectionError(
          'closed',
          `The daemon ended the connection (code ${code}${why && `, ${why}`}).`,
          this.#inFlight(),
        ),
      );
    });
    session.on('close', () => {
      this.#fail(new ConnectionError('closed', 'The daemon closed the connection.', this.#inFlight()));
    });
    duplex.on('close', () => {
      const cause = duplex.errored ?? undefined;
      this.#fail(
        cause === undefined
          ? new ConnectionError('closed', 'The daemon closed the connection.', this.#inFlight())
          : toConnectionError(cause, this.#inFlight()),
      );
    });
  }

  unary<Request, Response>(
    method: Method<Request, Response>,
    request: Init<Request>,
    options: CallOptions = {},
  ): Promise<Response> {
    const call = this.serverStream(method, request, options);
    return oneResponse(call, method.path);
  }

  serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Init<Request>,
    options: CallOptions = {},
  ): Call<Request, Response> {
    const call = this.duplex(method, options);
    // A failure to send shows as the call's end.
    call.send(request).catch(() => {});
    call.end();
    return call;
  }

  duplex<Request, Response>(
    method: Method<Request, Response>,
    options: CallOptions = {},
  ): Call<Request, Response> {
    const running = this.#start(method.path, options);
    return {
      send: (request) => running.send(encode(method.requestType, request)),
      end: () => running.end(),
      cancel: (reason) => running.cancel(reason),
      headers: running.headers,
      next: async () => {
        const bytes = await running.next();
        if (bytes === undefined) return { done: true, value: undefined };
        try {
          return { done: false, value: decode(method.responseType, bytes) };
        } catch (cause) {
          running.cancel();
          throw new GrpcError(
            grpcCode.internal,
            `The daemon sent a message that cannot be read (${cause instanceof Error ? cause.message : String(cause)}).`,
            method.path,
            undefined,
            cause,
          );
        }
      },
      return: () => {
        running.cancel();
        return Promise.resolve({ done: true, value: undefined });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  close(): void {
    this.#closing = true;
    this.#fail(new ConnectionError('closed', 'The connection was closed by the client.', this.#inFlight()));
  }

  #inFlight(): string[] {
    return [...this.#calls].map((call) => call.path).filter((path) => path !== healthPath);
  }

  #fail(error: ConnectionError): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = error;
    clearTimeout(this.#watch);
    for (const call of this.#calls) call.connectionLost(error);
    this.#session.on('error', () => {});
    this.#session.destroy();
    this.#duplex.on('error', () => {});
    this.#duplex.destroy();
    this.#settle(this.#closing ? undefined : error);
  }

  #start(path: string, options: CallOptions): RunningCall {
    const call = new RunningCall(path, this.#maxMessageBytes, () => {
      this.#heardAt = performance.now();
    });
    if (this.#failure !== undefined) {
      call.connectionLost(new ConnectionError('closed', this.#failure.message, [path], this.#failure));
      return call;
    }
    if (this.#ending) {
      call.connectionLost(new ConnectionError('closed', 'The daemon is shutting down.', [path]));
      return call;
    }
    if (options.signal?.aborted === true) {
      call.cancel(options.signal.reason);
      return call;
    }
    const headers: Record<string, string | string[]> = {
      ':method': 'POST',
      ':path': path,
      te: 'trailers',
      'content-type': 'application/grpc',
      'user-agent': 'melange2-buildkit-client',
    };
    for (const [name, value] of Object.entries(options.metadata ?? {}))
      headers[name] = typeof value === 'string' ? value : [...value];
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request(headers, { endStream: false });
    } catch (cause) {
      call.connectionLost(toConnectionError(cause, [path]));
      return call;
    }
    this.#calls.add(call);
    if (this.#calls.size === 1) {
      this.#heardAt = performance.now();
      this.#startWatch();
    }
    call.attach(stream, options.signal, () => {
      this.#calls.delete(call);
      if (this.#calls.size === 0) clearTimeout(this.#watch);
    });
    return call;
  }

  /** Notices a peer that stays silent. gRPC servers end connections that are pinged often, so a call is made instead. */
  #startWatch(): void {
    if (this.#hangTimeoutMs === 0) return;
    clearTimeout(this.#watch);
    const half = this.#hangTimeoutMs / 2;
    const look = (): void => {
      const silentMs = performance.now() - this.#heardAt;
      if (silentMs >= half - 1) this.#probe(half);
      else this.#watch = setTimeout(look, half - silentMs);
    };
    this.#watch = setTimeout(look, half);
  }

  #probe(timeoutMs: number): void {
    const probe = this.#start(healthPath, {});
    probe.send(new Uint8Array(0)).catch(() => {});
    probe.end();
    let answered = false;
    const done = (): void => {
      answered = true;
      if (this.#over) return;
      this.#heardAt = performance.now();
      if (this.#inFlight().length > 0) this.#startWatch();
    };
    // Any answer will do, a refusal too: Docker's engine has no health service.
    probe.next().then(done, done);
    this.#watch = setTimeout(() => {
      // When this process itself was busy, the answer may be there and not yet read.
      this.#watch = setTimeout(() => {
        if (answered || this.#over) return;
        this.#fail(
          new ConnectionError(
            'hung',
            `The daemon has not answered for ${Math.round(this.#hangTimeoutMs)} ms.`,
            this.#inFlight(),
          ),
        );
      }, 200);
    }, timeoutMs - 200);
  }
}

async function oneResponse<Request, Response>(
  call: Call<Request, Response>,
  path: string,
): Promise<Response> {
  const first = await call.next();
  if (first.done === true)
    throw new GrpcError(grpcCode.internal, 'The daemon ended the call without an answer.', path);
  // The status comes behind the message: an answer counts only when the call ended well.
  const second = await call.next();
  if (second.done !== true) {
    call.cancel();
    throw new GrpcError(grpcCode.internal, 'The daemon sent two answers to one question.', path);
  }
  return first.value;
}

type Outcome = { readonly error: unknown } | { readonly error?: never };

class RunningCall {
  readonly path: string;
  readonly headers: Promise<IncomingHttpHeaders | undefined>;
  readonly #deframer: ReturnType<typeof deframer>;
  readonly #heard: () => void;
  #settleHeaders!: (headers: IncomingHttpHeaders | undefined) => void;
  #stream: ClientHttp2Stream | undefined;
  #detach: () => void = () => {};
  #queue: Buffer[] = [];
  #queued = 0;
  #outcome: Outcome | undefined;
  #wake: (() => void) | undefined;
  #status: IncomingHttpHeaders | undefined;
  #httpStatus: number | undefined;
  #drained: Promise<void> | undefined;

  constructor(path: string, maxMessageBytes: number, heard: () => void) {
    this.path = path;
    this.#deframer = deframer(maxMessageBytes);
    this.#heard = heard;
    this.headers = new Promise((resolve) => {
      this.#settleHeaders = resolve;
    });
  }

  attach(stream: ClientHttp2Stream, signal: AbortSignal | undefined, detached: () => void): void {
    this.#stream = stream;
    const onAbort = (): void => this.cancel(signal?.reason);
    signal?.addEventListener('abort', onAbort);
    this.#detach = () => {
      signal?.removeEventListener('abort', onAbort);
      detached();
    };
    stream.on('response', (headers) => {
      this.#heard();
      this.#httpStatus = headers[':status'];
      if (headers['grpc-status'] !== undefined) this.#status = headers;
      this.#settleHeaders(headers);
    });
    stream.on('trailers', (trailers) => {
      this.#status = trailers;
    });
    stream.on('data', (chunk: Buffer) => {
      this.#heard();
      if (this.#outcome !== undefined) return;
      try {
        for (const message of this.#deframer.push(chunk)) {
          this.#queue.push(message);
          this.#queued += message.length;
        }
      } catch (cause) {
        this.#finish({
          error: new GrpcError(
            grpcCode.resourceExhausted,
            (cause as Error).message,
            this.path,
            undefined,
            cause,
          ),
        });
        stream.close(8);
        return;
      }
      if (this.#queued > queueBytes) stream.pause();
      this.#wake?.();
    });
    stream.on('end', () => {
      this.#heard();
      if (this.#status !== undefined) this.#finish(this.#fromStatus(this.#status));
    });
    stream.on('error', () => {
      // 'close' follows and has the reason.
    });
    stream.on('close', () => {
      if (this.#status !== undefined) this.#finish(this.#fromStatus(this.#status));
      // A connection that breaks closes its streams first and says why afterwards, to `connectionLost`.
      else setTimeout(() => this.#finish({ error: this.#withoutStatus(stream) }), connectionGraceMs);
    });
  }

  /** Resolves at once while the window is open, else when it has opened again. */
  send(message: Uint8Array): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined || stream.destroyed || stream.writableEnded || this.#outcome !== undefined)
      return Promise.reject(this.#endError());
    if (stream.write(frame(message))) return Promise.resolve();
    this.#drained ??= new Promise((resolve, reject) => {
      const done = (): void => {
        stream.off('drain', done);
        stream.off('close', done);
        this.#drained = undefined;
        if (stream.destroyed) reject(this.#endError());
        else resolve();
      };
      stream.on('drain', done);
      stream.on('close', done);
    });
    return this.#drained;
  }

  end(): void {
    this.#stream?.end();
  }

  cancel(reason?: unknown): void {
    if (this.#outcome !== undefined) return;
    this.#queue = [];
    this.#queued = 0;
    this.#finish({
      error: reason ?? new GrpcError(grpcCode.canceled, 'The call was cancelled by the client.', this.path),
    });
    this.#stream?.close(8);
  }

  connectionLost(error: ConnectionError): void {
    this.#finish({ error });
  }

  async next(): Promise<Buffer | undefined> {
    for (;;) {
      const message = this.#queue.shift();
      if (message !== undefined) {
        this.#queued -= message.length;
        if (this.#queued <= queueBytes / 2 && this.#stream?.isPaused() === true) this.#stream.resume();
        return message;
      }
      if (this.#outcome !== undefined) {
        if ('error' in this.#outcome) throw this.#outcome.error;
        return undefined;
      }
      await new Promise<void>((resolve) => {
        const before = this.#wake;
        this.#wake = () => {
          before?.();
          resolve();
        };
      });
      this.#wake = undefined;
    }
  }

  #finish(outcome: Outcome): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#detach();
    this.#settleHeaders(undefined);
    this.#wake?.();
  }

  #endError(): unknown {
    return this.#outcome?.error ?? new GrpcError(grpcCode.canceled, 'The call is over.', this.path);
  }

  #fromStatus(status: IncomingHttpHeaders): Outcome {
    const code = Number(status['grpc-status']);
    if (code === grpcCode.ok) {
      if (this.#deframer.empty()) return {};
      return {
        error: new GrpcError(grpcCode.internal, 'The daemon stopped in the middle of a message.', this.path),
      };
    }
    const details = status['grpc-status-details-bin'];
    const text = typeof details === 'string' ? details : details?.[0];
    return {
      error: new GrpcError(
        Number.isInteger(code) ? code : grpcCode.unknown,
        decodeGrpcMessage(String(status['grpc-message'] ?? '')),
        this.path,
        text === undefined ? undefined : Buffer.from(text, 'base64'),
      ),
    };
  }

  #withoutStatus(stream: ClientHttp2Stream): unknown {
    if (this.#httpStatus !== undefined && this.#httpStatus !== 200)
      return new GrpcError(
        grpcCode.unavailable,
        `The daemon answered with HTTP status ${this.#httpStatus}.`,
        this.path,
      );
    switch (stream.rstCode) {
      case 7:
        return new GrpcError(grpcCode.unavailable, 'The daemon refused the call.', this.path);
      case 8:
        return new GrpcError(grpcCode.canceled, 'The daemon cancelled the call.', this.path);
      case 11:
        return new GrpcError(grpcCode.resourceExhausted, 'The daemon asks for fewer calls.', this.path);
      default:
        return new GrpcError(
          grpcCode.unavailable,
          `The daemon ended the call without a status (code ${stream.rstCode ?? 0}).`,
          this.path,
        );
    }
  }
}
