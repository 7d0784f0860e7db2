import { type CacheMount, usesTool } from '@melange2/cache';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

const name = 'melange2-cache-zig';

/** Keeps the cache of the Zig compiler between builds. It is addressed by content: all versions share it. */
export function cacheZig({ home = '/home/build' }: { readonly home?: string } = {}): Plugin {
  const target = `${home}/.cache/zig`;
  const mount: CacheMount = {
    name: 'zig',
    target,
    sharing: 'shared',
    env: { ZIG_GLOBAL_CACHE_DIR: target },
    identity: [],
    plugin: name,
  };
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyCacheMounts.tap(name, (mounts, step) =>
        usesTool(step, ['zig']) ? [...mounts, mount] : mounts,
      );
    },
  };
}

export { cacheZig as plugin };
