import type { CacheMount, CacheStep } from '@melange2/cache';
import { usesTool } from '@melange2/cache';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

export interface CacheNpmOptions {
  /** Home folder of the build user. */
  readonly home?: string;
}

/** Keeps npm's downloads, which are addressed by content. */
export function cacheNpm({ home = '/home/build' }: CacheNpmOptions = {}): Plugin {
  const name = '@melange2/cache-npm';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyCacheMounts.tap(name, (mounts, step) =>
        usesTool(step, ['npm', 'npx', 'node-gyp'], ['npm'])
          ? [...mounts, ...npmMounts(step, home, name)]
          : mounts,
      );
    },
  };
}

function npmMounts(step: CacheStep, home: string, plugin: string): CacheMount[] {
  const target = step.env['npm_config_cache'] ?? `${home}/.npm`;
  return [
    { name: 'npm', target, sharing: 'shared', env: { npm_config_cache: target }, identity: [], plugin },
  ];
}
