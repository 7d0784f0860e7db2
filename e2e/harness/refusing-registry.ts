import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A registry on loopback that gives one answer to everything. */
export interface RefusingRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** What it was asked: `PUT /v2/…`. */
  readonly asked: readonly string[];
  readonly stop: () => Promise<void>;
}

/**
 * Starts a registry that answers every request with this status and these headers; or says nothing; or nothing to what
 * is sent to it, and has nothing else.
 */
export async function startRefusingRegistry(
  status: number | 'silent' | 'silentUploads',
  headers: Readonly<Record<string, string>> = {},
): Promise<RefusingRegistry> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    request.resume();
    if (status === 'silent') return;
    const isQuestion = request.method === 'GET' || request.method === 'HEAD';
    if (status !== 'silentUploads') response.writeHead(status, headers).end();
    else if (isQuestion) response.writeHead(request.url === '/v2/' ? 200 : 404).end();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
