import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { API_VERSION, type CacheStore, type Plugin } from '@melange2/plugin-api';

const name = 'melange2-cache-http';

/** Keeps a build's cache on any server that knows GET, HEAD and PUT: `--cache-to type=http,url=https://cache/team`. */
export function cacheHttp(): Plugin {
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.resolveCacheBackend.for('http').tap(name, ({ type, attributes }) => {
        return { type, attributes, store: httpStore(attributes['url'] ?? '') };
      });
    },
  };
}

function httpStore(base: string): CacheStore {
  const ask = async (path: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(`${base}/${path}`, init);
    if (response.ok || (response.status === 404 && init.method !== 'PUT')) return response;
    throw new Error(`${base}/${path} answered ${response.status}`);
  };
  return {
    async load(folder, signal) {
      const fetchFile = async (path: string): Promise<string> => {
        const response = await ask(path, { signal });
        if (!response.ok) return '{}';
        const bytes = Buffer.from(await response.arrayBuffer());
        await mkdir(dirname(join(folder, path)), { recursive: true });
        await writeFile(join(folder, path), bytes);
        return bytes.toString('utf8');
      };
      for (const manifest of blobsOf(await fetchFile('index.json')))
        for (const blob of blobsOf(await fetchFile(manifest))) await fetchFile(blob);
    },
    async save(folder, signal) {
      const blobs = (await readdir(join(folder, 'blobs/sha256'))).map((hex) => `blobs/sha256/${hex}`);
      // The index comes last: who reads meanwhile finds the old cache or the new one, whole.
      for (const path of [...blobs, 'index.json']) {
        if (path !== 'index.json' && (await ask(path, { method: 'HEAD', signal })).ok) continue;
        await ask(path, { method: 'PUT', body: await readFile(join(folder, path)), signal });
      }
    },
  };
}

/** The paths of what an index or a manifest points to. */
function blobsOf(json: string): string[] {
  const document = JSON.parse(json) as Record<string, { digest: string }[] | undefined>;
  const pointers = [document['manifests'], document['layers'], document['config']].flat();
  return pointers.flatMap((to) => (to === undefined ? [] : [`blobs/${to.digest.replace(':', '/')}`]));
}

export { cacheHttp as plugin };
