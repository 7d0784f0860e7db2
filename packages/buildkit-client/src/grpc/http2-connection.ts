import type { ClientHttp2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { asError } from '../as-error.ts';
import { ConnectionError } from './grpc-error.ts';

export interface Http2Options {
  /** How long the peer may take for its first HTTP/2 settings. */
  readonly openTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How much a peer may send of one stream, and of all, before it is read. */
export const windowBytes: number = 16 << 20;

/**
 * Speaks HTTP/2 as a client on a byte stream. Resolves when the peer has sent its settings.
 *
 * @throws {ConnectionError} `timeout` when the peer says nothing, `protocol` when it says something else.
 */
export async function openHttp2(duplex: Duplex, options: Http2Options): Promise<ClientHttp2Session> {
  const { openTimeoutMs = 4500, signal } = options;
  signal?.throwIfAborted();
  // A failure from here on must not go unheard, whoever listens to the session.
  duplex.on('error', () => {});
  const { connect } = await import('node:http2');
  if (duplex.destroyed) {
    const cause = duplex.errored ?? undefined;
    const why = cause === undefined ? '' : ` (${cause.message})`;
    throw new ConnectionError('closed', `The daemon closed the connection at once${why}.`, [], cause);
  }
  const session = connect('http://localhost', {
    createConnection: () => duplex,
    settings: { initialWindowSize: windowBytes, enablePush: false },
    maxSessionMemory: 1024,
  });
  await new Promise<void>((resolve, reject) => {
    const finish = (error?: unknown): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      session.off('error', onError);
      session.off('close', onClose);
      duplex.off('error', onError);
      duplex.off('close', onClose);
      session.off('remoteSettings', onSettings);
      if (error === undefined) resolve();
      else {
        session.on('error', () => {});
        session.destroy();
        duplex.on('error', () => {});
        duplex.destroy();
        reject(asError(error));
      }
    };
    const onSettings = (): void => finish();
    const onAbort = (): void => finish(signal?.reason);
    const onError = (cause: Error): void => finish(toConnectionError(cause, []));
    const onClose = (): void =>
      finish(new ConnectionError('closed', 'The connection was closed before the daemon had said anything.'));
    const timer = setTimeout(
      () =>
        finish(
          new ConnectionError(
            'timeout',
            `The daemon took the connection but said nothing for ${openTimeoutMs} ms.`,
          ),
        ),
      openTimeoutMs,
    );
    signal?.addEventListener('abort', onAbort);
    session.on('error', onError);
    session.on('close', onClose);
    // The session says nothing when TLS fails below it.
    duplex.on('error', onError);
    duplex.on('close', onClose);
    session.once('remoteSettings', onSettings);
  });
  session.setLocalWindowSize(windowBytes);
  return session;
}

/** What Node says of calls on a connection that the daemon is ending, or has ended. */
const endings: ReadonlySet<string> = new Set([
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
  'ERR_HTTP2_SESSION_ERROR',
]);

/** Names what happened to a connection. */
export function toConnectionError(cause: unknown, inFlight: readonly string[]): ConnectionError {
  if (cause instanceof ConnectionError)
    return new ConnectionError(cause.reason, cause.message, inFlight, cause);
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const text = cause instanceof Error ? cause.message : String(cause);
  if (code.startsWith('ERR_HTTP2') && !endings.has(code))
    return new ConnectionError(
      'protocol',
      `The other end does not speak HTTP/2 as BuildKit does (${text}).`,
      inFlight,
      cause,
    );
  return new ConnectionError('closed', `The connection broke (${text}).`, inFlight, cause);
}
