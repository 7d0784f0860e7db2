import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Endpoint, SocketEndpoint, TlsSettings } from '../endpoint.ts';
import { asError } from '../as-error.ts';
import { ConnectionError } from '../grpc/grpc-error.ts';
import { socketFeed, socketTransport, type ByteTransport, type SocketFeed } from '../http2/transport.ts';
import { upgrade } from './docker-upgrade.ts';

export interface DialOptions {
  readonly signal?: AbortSignal | undefined;
  /** Time until the connection must stand, TLS and HTTP upgrade included. */
  readonly timeoutMs?: number | undefined;
}

export const defaultDialTimeoutMs = 4500;

/**
 * Opens a connection on which the daemon's gRPC server listens.
 *
 * @throws {ConnectionError} when nobody is there, or nobody answers in time.
 */
export async function dial(endpoint: Endpoint, options: DialOptions = {}): Promise<Duplex> {
  switch (endpoint.kind) {
    case 'unix':
    case 'tcp':
      return await dialSocket(endpoint, 'h2', options);
    case 'docker':
      return await dialDocker(endpoint.socket, '/grpc', {}, options);
    case 'command': {
      const { dialCommand } = await import('./dial-command.ts');
      return await dialCommand(endpoint, options);
    }
  }
}

/**
 * Opens a connection to a Docker engine and has it taken out of HTTP by an upgrade.
 *
 * `/grpc` is BuildKit's control interface, `/session` the other way round: the engine calls the client.
 */
export async function dialDocker(
  socket: SocketEndpoint,
  path: '/grpc' | '/session',
  headers: Readonly<Record<string, string | readonly string[]>>,
  options: DialOptions,
): Promise<Duplex> {
  const connection = await dialSocket(socket, undefined, options);
  return await upgrade(connection, path, headers, options.timeoutMs ?? defaultDialTimeoutMs, options.signal);
}

/** The same for a session, which is read out of one buffer. */
export async function dialDockerFeed(
  socket: SocketEndpoint,
  path: '/session',
  headers: Readonly<Record<string, string | readonly string[]>>,
  options: DialOptions,
): Promise<ByteTransport> {
  const feed = socketFeed();
  const connection = await dialSocket(socket, undefined, options, feed);
  await upgrade(connection, path, headers, options.timeoutMs ?? defaultDialTimeoutMs, options.signal, feed);
  return socketTransport(connection, feed);
}

/** Opens a unix or tcp connection; with TLS settings it resolves when both sides have proved who they are. */
export async function dialSocket(
  endpoint: SocketEndpoint,
  protocol: 'h2' | undefined,
  options: DialOptions,
  feed?: SocketFeed,
): Promise<Socket> {
  const { signal, timeoutMs = defaultDialTimeoutMs } = options;
  signal?.throwIfAborted();
  const { socket, ready } = await openSocket(endpoint, protocol, feed);
  return await new Promise<Socket>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off('close', onClose);
      socket.off(ready, onReady);
    };
    const fail = (error: unknown): void => {
      stop();
      socket.on('error', () => {});
      socket.destroy();
      reject(asError(error));
    };
    const onReady = (): void => {
      stop();
      socket.setNoDelay(true);
      // What happens before the next owner listens shows as a destroyed socket.
      socket.on('error', () => {});
      resolve(socket);
    };
    const onError = (cause: NodeJS.ErrnoException): void =>
      fail(new ConnectionError('refused', explain(cause, endpoint), [], cause));
    const onClose = (): void =>
      fail(new ConnectionError('closed', 'The connection was closed while it was opened.'));
    const onAbort = (): void => fail(signal?.reason);
    const timer = setTimeout(
      () => fail(new ConnectionError('timeout', `Nobody answered within ${timeoutMs} ms.`)),
      timeoutMs,
    );
    signal?.addEventListener('abort', onAbort);
    socket.on('error', onError);
    socket.on('close', onClose);
    socket.once(ready, onReady);
  });
}

async function openSocket(
  endpoint: SocketEndpoint,
  protocol: 'h2' | undefined,
  feed: SocketFeed | undefined,
): Promise<{ socket: Socket; ready: 'connect' | 'secureConnect' }> {
  if (endpoint.kind === 'tcp' && endpoint.tls !== undefined) {
    const { connect } = await import('node:tls');
    const socket = connect({
      host: endpoint.host,
      port: endpoint.port,
      ...(protocol === undefined ? {} : { ALPNProtocols: [protocol] }),
      ...tlsOptions(endpoint.tls, endpoint.host),
    });
    return { socket, ready: 'secureConnect' };
  }
  const { connect } = await import('node:net');
  const reading = feed === undefined ? {} : { onread: feed.onread };
  const socket =
    endpoint.kind === 'unix'
      ? connect({ path: endpoint.path, ...reading })
      : connect({
          host: endpoint.host,
          port: endpoint.port,
          keepAlive: true,
          keepAliveInitialDelay: 30_000,
          ...reading,
        });
  return { socket, ready: 'connect' };
}

function tlsOptions(tls: TlsSettings, host: string): Record<string, string> {
  const name = tls.serverName ?? host;
  // A server name must not be an address (RFC 6066), the certificate is checked against `host` then.
  const isAddress = /^[\d.]+$|:/.test(name);
  return {
    ...(isAddress ? {} : { servername: name }),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
  };
}

function explain(cause: NodeJS.ErrnoException, endpoint: SocketEndpoint): string {
  const where = endpoint.kind === 'unix' ? endpoint.path : `${endpoint.host}:${endpoint.port}`;
  switch (cause.code) {
    case 'ENOENT':
      return `There is no socket ${where}.`;
    case 'ECONNREFUSED':
      return `Nobody listens on ${where}.`;
    case 'EACCES':
    case 'EPERM':
      return `This user may not open ${where}.`;
    case 'ENOTSOCK':
      return `${where} is not a socket.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `The host name in ${where} cannot be resolved.`;
    default:
      return `The connection to ${where} failed: ${cause.message}.`;
  }
}
