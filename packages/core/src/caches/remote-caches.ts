import { resolve } from 'node:path';
import { cacheSecrets, parseRemoteCache, type RemoteCache, withCloudAttributes } from '@melange2/cache';
import type { CacheBackend } from '@melange2/plugin-api';
import type { Kernel } from '../kernel.ts';

/**
 * The backends of caches that a user named: a plugin's where one knows the type, else the daemon's own.
 *
 * Folders of `type=local` are made absolute, caches in a cloud completed from the environment. Written are the results
 * of all steps unless `mode=min` is asked for: with the last result alone, the next change runs every step again.
 *
 * @throws {BuildError} CACHE_SPEC_INVALID
 */
export function remoteCaches(
  specs: readonly string[],
  use: 'read' | 'write',
  kernel: Kernel,
): CacheBackend[] {
  const { hooks, host } = kernel;
  return readCacheSpecs(specs, kernel).map((cache) => {
    const backend = hooks.resolveCacheBackend.for(cache.type).call(cache) ?? cache;
    const { type } = backend;
    const mode = use === 'write' && type !== 'inline' ? { mode: 'max' } : {};
    const paths = Object.entries(backend.attributes).map(([key, value]) => [
      key,
      type === 'local' && (key === 'src' || key === 'dest') ? resolve(host.cwd, value) : value,
    ]);
    const attributes = { ...mode, ...(Object.fromEntries(paths) as Record<string, string>) };
    return { ...backend, attributes };
  });
}

/**
 * Reads what a user wrote of caches, and asks nobody for them yet. Secrets in it are not told from now on.
 *
 * @throws {BuildError} CACHE_SPEC_INVALID
 */
export function readCacheSpecs(specs: readonly string[], { host, redactor }: Kernel): RemoteCache[] {
  return specs.map((spec) => {
    const cache = withCloudAttributes(parseRemoteCache(spec), host.env);
    for (const secret of cacheSecrets(cache)) redactor.add(secret);
    return cache;
  });
}
