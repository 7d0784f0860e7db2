import type { CacheMount, CacheStep } from '@melange2/cache';
import { usesTool } from '@melange2/cache';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

export interface CacheUvOptions {
  /** Home folder of the build user. */
  readonly home?: string;
}

/** Keeps uv's downloads and wheels; uv tells versions of Python apart itself. */
export function cacheUv({ home = '/home/build' }: CacheUvOptions = {}): Plugin {
  const name = '@melange2/cache-uv';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyCacheMounts.tap(name, (mounts, step) =>
        usesTool(step, ['uv', 'uvx'], ['uv']) ? [...mounts, ...uvMounts(step, home, name)] : mounts,
      );
    },
  };
}

function uvMounts(step: CacheStep, home: string, plugin: string): CacheMount[] {
  const target = step.env['UV_CACHE_DIR'] ?? `${home}/.cache/uv`;
  return [{ name: 'uv', target, sharing: 'shared', env: { UV_CACHE_DIR: target }, identity: [], plugin }];
}
