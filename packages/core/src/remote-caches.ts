import { resolve } from 'node:path';
import { parseRemoteCache } from '@melange2/cache';
import type { BuildHooks, CacheBackend } from '@melange2/plugin-api';

/**
 * The backends of caches that a user named: a plugin's where one knows the type, else the daemon's own.
 *
 * Folders of `type=local` are made absolute.
 *
 * @throws {BuildError} CACHE_SPEC_INVALID
 */
export function remoteCaches(specs: readonly string[], hooks: BuildHooks, cwd: string): CacheBackend[] {
  return specs.map((spec) => {
    const cache = parseRemoteCache(spec);
    const { type, attributes } = hooks.resolveCacheBackend.for(cache.type).call(cache) ?? cache;
    if (type !== 'local') return { type, attributes };
    const paths = Object.entries(attributes).map(([key, value]) => [
      key,
      key === 'src' || key === 'dest' ? resolve(cwd, value) : value,
    ]);
    return { type, attributes: Object.fromEntries(paths) as Record<string, string> };
  });
}
