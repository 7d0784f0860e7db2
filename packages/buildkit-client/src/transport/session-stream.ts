import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { Duplex } from 'node:stream';
import { control } from '@melange2/proto';
import type { Endpoint } from '../endpoint.ts';
import { ConnectionError, decodeGrpcMessage } from '../grpc/grpc-error.ts';
import { openHttp2 } from '../grpc/http2-connection.ts';
import { deframer, frameHeaderBytes } from '../grpc/message-frames.ts';
import { duplexTransport, type ByteTransport } from '../http2/transport.ts';
import { dial, dialDocker, dialDockerFeed, type DialOptions } from './dial.ts';

/** What a session tells about itself when it is offered to the daemon. */
export interface SessionOffer {
  readonly id: string;
  readonly name: string;
  readonly sharedKey: string;
  /** gRPC methods that the client serves, as `/service/Method`; others the daemon does not call. */
  readonly methods: readonly string[];
}

/**
 * Offers a session to the daemon on a connection of its own and returns the byte stream on which the daemon then
 * speaks HTTP/2 as a client.
 *
 * A Docker engine takes it by an HTTP upgrade, so that the stream is the socket itself; buildkitd takes it inside of
 * a gRPC call, one `BytesMessage` after the other. The daemon does not acknowledge.
 *
 * @throws {ConnectionError} when the daemon cannot be reached.
 */
export async function openSessionStream(
  endpoint: Endpoint,
  offer: SessionOffer,
  options: DialOptions = {},
): Promise<Duplex> {
  const headers = offerHeaders(offer);
  if (endpoint.kind === 'docker') return await dialDocker(endpoint.socket, '/session', headers, options);
  const connection = await dial(endpoint, options);
  const session = await openHttp2(connection, { signal: options.signal });
  const stream = session.request({
    ':method': 'POST',
    ':path': control.Control.methods.Session.path,
    te: 'trailers',
    'content-type': 'application/grpc',
    ...headers,
    'x-docker-expose-session-grpc-method': [...offer.methods],
  });
  return new BytesMessageStream(session, stream, connection);
}

/**
 * The same for a reader that needs no memory of its own: a socket without TLS is read into one buffer.
 *
 * @throws {ConnectionError} when the daemon cannot be reached.
 */
export async function openSessionTransport(
  endpoint: Endpoint,
  offer: SessionOffer,
  options: DialOptions = {},
): Promise<ByteTransport> {
  if (endpoint.kind === 'docker' && !('tls' in endpoint.socket && endpoint.socket.tls !== undefined))
    return await dialDockerFeed(endpoint.socket, '/session', offerHeaders(offer), options);
  return duplexTransport(await openSessionStream(endpoint, offer, options));
}

function offerHeaders(offer: SessionOffer): Record<string, string | readonly string[]> {
  return {
    'x-docker-expose-session-uuid': offer.id,
    'x-docker-expose-session-name': offer.name,
    'x-docker-expose-session-sharedkey': offer.sharedKey,
    'x-docker-expose-session-grpc-method': offer.methods,
  };
}

/** Daemons before 0.13 take no message over 4 MiB. */
const maxPayloadBytes = 1 << 20;
const bufferBytes = 2 << 20;
/** What a daemon may put into one message. */
const maxReceivedBytes = 64 << 20;

/** A byte stream inside of a gRPC call: each message has one bytes field. */
class BytesMessageStream extends Duplex {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  readonly #connection: Duplex;
  #failure: Error | undefined;

  constructor(session: ClientHttp2Session, stream: ClientHttp2Stream, connection: Duplex) {
    super({ readableHighWaterMark: bufferBytes, writableHighWaterMark: bufferBytes });
    this.#session = session;
    this.#stream = stream;
    this.#connection = connection;
    const { push } = deframer(maxReceivedBytes);
    stream.on('data', (chunk: Buffer) => {
      try {
        for (const message of push(chunk)) {
          const data = payload(message);
          if (data.length > 0 && !this.push(data)) stream.pause();
        }
      } catch (cause) {
        this.destroy(cause as Error);
      }
    });
    const note = (headers: Readonly<Record<string, string | string[] | undefined>>): void => {
      const code = headers['grpc-status'];
      if (code !== undefined && code !== '0')
        this.#failure ??= new ConnectionError(
          'closed',
          `The daemon ended the session: ${decodeGrpcMessage(String(headers['grpc-message'] ?? `code ${String(code)}`))}.`,
        );
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('end', () => {
      if (this.#failure === undefined) this.push(null);
      else this.destroy(this.#failure);
    });
    stream.on('error', (cause) => {
      this.#failure ??= new ConnectionError('closed', `The session broke (${cause.message}).`, [], cause);
    });
    session.on('error', (cause) => {
      this.#failure ??= new ConnectionError('closed', `The session broke (${cause.message}).`, [], cause);
    });
    stream.on('close', () => {
      if (!this.destroyed) this.destroy(this.#failure);
    });
  }

  override _read(): void {
    if (this.#stream.isPaused()) this.#stream.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this._writev([{ chunk }], done);
  }

  /** Joins what the HTTP/2 server inside has written since the last time into as few messages as may be. */
  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    done: (error?: Error | null) => void,
  ): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.writableEnded) {
      done(this.#failure ?? new ConnectionError('closed', 'The session is over.'));
      return;
    }
    stream.cork();
    let open = true;
    let batch: Buffer[] = [];
    let batchBytes = 0;
    const flush = (): void => {
      if (batchBytes === 0) return;
      open = stream.write(header(batchBytes));
      for (const part of batch) open = stream.write(part);
      batch = [];
      batchBytes = 0;
    };
    for (const { chunk } of chunks) {
      for (let at = 0; at < chunk.length; at += maxPayloadBytes) {
        const part = chunk.length <= maxPayloadBytes ? chunk : chunk.subarray(at, at + maxPayloadBytes);
        if (batchBytes + part.length > maxPayloadBytes) flush();
        batch.push(part);
        batchBytes += part.length;
      }
    }
    flush();
    stream.uncork();
    if (open) {
      done();
      return;
    }
    const go = (): void => {
      stream.off('drain', go);
      stream.off('close', go);
      done(
        stream.destroyed ? (this.#failure ?? new ConnectionError('closed', 'The session is over.')) : null,
      );
    };
    stream.on('drain', go);
    stream.on('close', go);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#stream.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#stream.on('error', () => {});
    this.#session.on('error', () => {});
    this.#connection.on('error', () => {});
    if (!this.#stream.destroyed) this.#stream.close(8);
    this.#session.destroy();
    this.#connection.destroy();
    done(error);
  }
}

/** The gRPC frame header, and the tag and length of the only field. */
function header(payloadBytes: number): Buffer {
  let varintBytes = 1;
  for (let rest = payloadBytes; rest >= 128; rest >>>= 7) varintBytes++;
  const bytes = Buffer.allocUnsafe(frameHeaderBytes + 1 + varintBytes);
  bytes[0] = 0;
  bytes.writeUInt32BE(1 + varintBytes + payloadBytes, 1);
  bytes[frameHeaderBytes] = 0x0a;
  let at = frameHeaderBytes + 1;
  let rest = payloadBytes;
  for (; rest >= 128; rest >>>= 7) bytes[at++] = (rest & 0x7f) | 0x80;
  bytes[at] = rest;
  return bytes;
}

/** Returns the bytes field of a `BytesMessage` without a copy. */
function payload(message: Buffer): Buffer {
  if (message.length === 0) return message;
  if (message[0] !== 0x0a) throw new Error('The daemon sent something else than bytes on the session.');
  let length = 0;
  let at = 1;
  for (let shift = 0; ; shift += 7) {
    const byte = message[at++];
    if (byte === undefined || shift > 28) throw new Error('The daemon sent a broken message on the session.');
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 128) break;
  }
  if (at + length !== message.length) throw new Error('The daemon sent a broken message on the session.');
  return message.subarray(at);
}
