import type { CacheMount, CacheStep } from '@melange2/cache';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

export interface CacheCcacheOptions {
  /** Home folder of the build user. */
  readonly home?: string;
}

/** Keeps ccache's objects, for steps of environments that have ccache. Compilers are told apart by their content. */
export function cacheCcache({ home = '/home/build' }: CacheCcacheOptions = {}): Plugin {
  const name = '@melange2/cache-ccache';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyCacheMounts.tap(name, (mounts, step) =>
        step.packages.has('ccache') ? [...mounts, ccacheMount(step, home, name)] : mounts,
      );
    },
  };
}

function ccacheMount(step: CacheStep, home: string, plugin: string): CacheMount {
  const target = step.env['CCACHE_DIR'] ?? `${home}/.ccache`;
  // By default ccache takes a compiler with an equal time stamp for the same one; packages have equal time stamps.
  const env = { CCACHE_DIR: target, CCACHE_COMPILERCHECK: 'content' };
  return { name: 'ccache', target, sharing: 'shared', env, identity: [], plugin };
}
