import { request, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestTls } from 'node:https';
import type { SocketEndpoint } from '@melange2/buildkit-client';

/** What a Docker engine says about itself in its answer to a ping. */
export interface DockerEngine {
  /** `Docker/28.5.2 (linux)` for instance. */
  readonly server: string;
}

/**
 * Asks a Docker engine whether it is there.
 *
 * @throws Error of the socket, or with the text of an answer that is not 200.
 */
export async function pingDockerEngine(socket: SocketEndpoint, signal?: AbortSignal): Promise<DockerEngine> {
  const { status, headers } = await get(socket, '/_ping', signal);
  if (status !== 200) throw new Error(`it answered a ping with ${status}`);
  return { server: [headers['server'] ?? ''].flat().join(' ') };
}

/**
 * Tells whether steps have the engine's default network. An engine that was started without a bridge runs steps
 * only with the host's network or with none.
 */
export async function hasDefaultNetwork(socket: SocketEndpoint, signal?: AbortSignal): Promise<boolean> {
  const { status } = await get(socket, '/networks/bridge', signal);
  return status !== 404;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

function get(socket: SocketEndpoint, path: string, signal: AbortSignal | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const common: RequestOptions = { path, agent: false, ...(signal === undefined ? {} : { signal }) };
    const answered = (response: IncomingMessage): void => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
      response.on('error', reject);
    };
    const asked =
      socket.kind === 'unix'
        ? request({ ...common, socketPath: socket.path, host: 'docker' }, answered)
        : socket.tls === undefined
          ? request({ ...common, host: socket.host, port: socket.port }, answered)
          : requestTls(
              {
                ...common,
                host: socket.host,
                port: socket.port,
                ...(socket.tls.ca === undefined ? {} : { ca: socket.tls.ca }),
                ...(socket.tls.cert === undefined ? {} : { cert: socket.tls.cert }),
                ...(socket.tls.key === undefined ? {} : { key: socket.tls.key }),
                ...(socket.tls.serverName === undefined ? {} : { servername: socket.tls.serverName }),
              },
              answered,
            );
    asked.on('error', reject);
    asked.end();
  });
}
