import type { CacheMount, CacheStep } from '@melange2/cache';
import { usesTool } from '@melange2/cache';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

export interface CacheComposerOptions {
  /** Home folder of the build user. */
  readonly home?: string;
}

/** Keeps composer's downloads. */
export function cacheComposer({ home = '/home/build' }: CacheComposerOptions = {}): Plugin {
  const name = '@melange2/cache-composer';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyCacheMounts.tap(name, (mounts, step) =>
        usesTool(step, ['composer'], ['composer', 'php'])
          ? [...mounts, ...composerMounts(step, home, name)]
          : mounts,
      );
    },
  };
}

function composerMounts(step: CacheStep, home: string, plugin: string): CacheMount[] {
  const target = step.env['COMPOSER_CACHE_DIR'] ?? `${home}/.cache/composer`;
  return [
    {
      name: 'composer',
      target,
      sharing: 'shared',
      env: { COMPOSER_CACHE_DIR: target },
      identity: [],
      plugin,
    },
  ];
}
