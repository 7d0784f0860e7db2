import { execFileSync, spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';

/** A server of git repositories on loopback. */
export interface GitServer {
  /** Without a slash at its end; a repository is at `/NAME`. */
  readonly address: string;
  /** What was asked for, one line each: method and address. */
  readonly requests: readonly string[];
  readonly stop: () => Promise<void>;
}

/**
 * Serves the repositories in a folder over http, by the program that git brings for it, and large files by their SHA-256
 * as git-lfs asks for them.
 */
export async function startGitServer(
  folder: string,
  largeFiles: ReadonlyMap<string, Buffer> = new Map(),
): Promise<GitServer> {
  const backend = `${execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim()}/git-http-backend`;
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? 'localhost'}`);
    requests.push(`${request.method} ${url.pathname}${url.search}`);
    if (url.pathname.endsWith('/info/lfs/objects/batch'))
      return void answerBatch(request, response, `${url.origin}/large`, largeFiles);
    const large = /^\/large\/([0-9a-f]{64})$/.exec(url.pathname)?.[1];
    if (large !== undefined) return void response.end(largeFiles.get(large));
    const { headers } = request;
    const child = spawn(backend, {
      env: {
        PATH: process.env['PATH'],
        GIT_PROJECT_ROOT: folder,
        GIT_HTTP_EXPORT_ALL: '1',
        GIT_CONFIG_COUNT: '1',
        GIT_CONFIG_KEY_0: 'safe.directory',
        GIT_CONFIG_VALUE_0: '*',
        GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
        REQUEST_METHOD: request.method,
        PATH_INFO: decodeURIComponent(url.pathname),
        QUERY_STRING: url.search.slice(1),
        CONTENT_TYPE: headers['content-type'],
        HTTP_CONTENT_ENCODING: headers['content-encoding'],
        ...(headers['content-length'] === undefined ? {} : { CONTENT_LENGTH: headers['content-length'] }),
        REMOTE_ADDR: '127.0.0.1',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdin.on('error', () => {});
    request.pipe(child.stdin);
    let head: Buffer | undefined = Buffer.alloc(0);
    child.stdout.on('data', (chunk: Buffer) => {
      if (head === undefined) return void response.write(chunk);
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const lines = head.subarray(0, end).toString().split('\r\n');
      const fields = lines.map((line) => line.split(/:\s*/, 2) as [string, string]);
      const status = fields.find(([name]) => name.toLowerCase() === 'status');
      const others = fields.filter((field) => field !== status);
      response.writeHead(Number.parseInt(status?.[1] ?? '200', 10), Object.fromEntries(others));
      response.write(head.subarray(end + 4));
      head = undefined;
    });
    child.on('close', () => response.end());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Says where the large files are that git-lfs asks for, in the words of its batch interface. */
async function answerBatch(
  request: IncomingMessage,
  response: ServerResponse,
  folder: string,
  files: ReadonlyMap<string, Buffer>,
): Promise<void> {
  const asked = (await json(request)) as { objects: { oid: string; size: number }[] };
  const objects = asked.objects.map(({ oid, size }) =>
    files.has(oid)
      ? { oid, size, actions: { download: { href: `${folder}/${oid}` } } }
      : { oid, size, error: { code: 404, message: 'not there' } },
  );
  response.setHeader('content-type', 'application/vnd.git-lfs+json');
  response.end(JSON.stringify({ transfer: 'basic', objects }));
}
