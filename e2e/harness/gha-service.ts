import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A stand-in for the cache service that GitHub gives to its runners. */
export interface GhaService {
  readonly url: string;
  /** A token as runners have it; nobody checks who signed it. */
  readonly token: string;
  /** What is in it, by key. */
  readonly entries: ReadonlyMap<string, Buffer>;
  readonly stop: () => void;
}

/**
 * Starts the first version of the service on loopback: look up, reserve, upload in parts, commit.
 *
 * @see https://github.com/tonistiigi/go-actions-cache/blob/master/api.md
 */
export async function startGhaService(): Promise<GhaService> {
  const entries = new Map<string, Buffer>();
  const open = new Map<number, { readonly key: string; readonly parts: Map<number, Buffer> }>();
  let next = 1;
  let base = '';
  const server = createServer((request, response) => {
    void (async () => {
      const url = new URL(request.url ?? '/', base);
      const body = await buffer(request);
      const json = (status: number, value: unknown): void => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      };
      const path = url.pathname.replace('/_apis/artifactcache/', '');
      const blob = /^\/blob\/(.+)$/.exec(url.pathname)?.[1];
      if (blob !== undefined) {
        const bytes = entries.get(decodeURIComponent(blob)) ?? Buffer.alloc(0);
        const [, from = '0', to = ''] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
        const end = to === '' ? bytes.length : Number(to) + 1;
        response
          .writeHead(request.headers.range === undefined ? 200 : 206)
          .end(bytes.subarray(Number(from), end));
      } else if (request.headers.authorization?.startsWith('Bearer ') !== true) {
        json(401, { message: 'no token' });
      } else if (request.method === 'GET' && path === 'cache') {
        const keys = (url.searchParams.get('keys') ?? '').split(',');
        const found = keys
          .flatMap((wanted) => [...entries.keys()].filter((key) => key.startsWith(wanted)))
          .at(-1);
        if (found === undefined) response.writeHead(204).end();
        else json(200, { cacheKey: found, archiveLocation: `${base}/blob/${encodeURIComponent(found)}` });
      } else if (request.method === 'POST' && path === 'caches') {
        const { key } = JSON.parse(body.toString()) as { key: string };
        if (entries.has(key)) return json(409, { typeKey: 'ArtifactCacheItemAlreadyExistsException' });
        open.set(next, { key, parts: new Map() });
        json(201, { cacheId: next++ });
      } else {
        const id = Number(/^caches\/(\d+)$/.exec(path)?.[1]);
        const entry = open.get(id);
        if (entry === undefined) return json(404, { message: path });
        const from = Number(/bytes (\d+)-/.exec(request.headers['content-range'] ?? '')?.[1] ?? 0);
        if (request.method === 'PATCH') entry.parts.set(from, body);
        else {
          const parts = [...entry.parts].toSorted(([a], [b]) => a - b).map(([, part]) => part);
          entries.set(entry.key, Buffer.concat(parts));
        }
        response.writeHead(204).end();
      }
    })();
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = {
    ac: JSON.stringify([{ Scope: 'refs/heads/main', Permission: 3 }]),
    exp: 4102444800,
    nbf: 0,
  };
  return {
    url: `${base}/`,
    token: `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.${Buffer.from('signature').toString('base64url')}`,
    entries,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
