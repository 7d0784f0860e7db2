import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { createBuildHooks } from '@melange2/plugin-api';
import { pluginContract } from '@melange2/plugin-api/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { plugin } from './index.ts';

for (const { name, run } of pluginContract(plugin, 'melange2-cache-http')) test(name, run);

const never = new AbortController().signal;
let dir: string;
let server: Server;
let url: string;
const files = new Map<string, Buffer>();
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'cache-http-'));
  files.clear();
  server = createServer((request, response) => {
    const path = request.url ?? '';
    if (request.method !== 'PUT') {
      const found = files.get(path);
      return void response.writeHead(found === undefined ? 404 : 200).end(found);
    }
    void buffer(request).then((bytes) => {
      files.set(path, bytes);
      response.writeHead(path.startsWith('/full/') ? 507 : 201).end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.close();
  rmSync(dir, { recursive: true, force: true });
});

function storeAt(path: string) {
  const hooks = createBuildHooks();
  plugin().apply({ hooks });
  const cache = { type: 'http', attributes: { url: `${url}/${path}` } };
  const store = hooks.resolveCacheBackend.for('http').call(cache)?.store;
  if (store === undefined) throw new Error('no store');
  return store;
}

/** A cache as a daemon leaves it: an index, its manifest, and a layer. */
function writeCache(): string {
  const folder = join(dir, 'written');
  mkdirSync(join(folder, 'blobs/sha256'), { recursive: true });
  const put = (text: string): { digest: string } => {
    const hex = createHash('sha256').update(text).digest('hex');
    writeFileSync(join(folder, 'blobs/sha256', hex), text);
    return { digest: `sha256:${hex}` };
  };
  const manifest = put(JSON.stringify({ config: put('{}'), layers: [put('layer')] }));
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ manifests: [manifest] }));
  return folder;
}

const treeOf = (folder: string): string[] => readdirSync(folder, { recursive: true }).map(String).toSorted();

test('what is saved is loaded again', async () => {
  const written = writeCache();
  await storeAt('team').save(written, never);
  const read = join(dir, 'read');
  mkdirSync(read);
  await storeAt('team').load(read, never);
  expect(treeOf(read)).toEqual(treeOf(written));
  expect(readFileSync(join(read, 'index.json'))).toEqual(readFileSync(join(written, 'index.json')));
});

test('a cache that is not there yet is empty, a server that is full is an error', async () => {
  const read = join(dir, 'read');
  mkdirSync(read);
  await storeAt('new').load(read, never);
  expect(treeOf(read)).toEqual([]);
  await expect(storeAt('full').save(writeCache(), never)).rejects.toThrow('507');
});
