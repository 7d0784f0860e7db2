import type { CacheMount, CacheStep } from '@melange2/cache';
import { usesTool } from '@melange2/cache';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

export interface CacheGoOptions {
  /** Home folder of the build user. */
  readonly home?: string;
}

/** Keeps Go's module and build caches between builds. Both are addressed by content, so all versions of Go share them. */
export function cacheGo({ home = '/home/build' }: CacheGoOptions = {}): Plugin {
  const name = '@melange2/cache-go';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyCacheMounts.tap(name, (mounts, step) =>
        usesTool(step, ['go', 'gofmt', 'xx-go'], ['go'])
          ? [...mounts, ...goMounts(step, home, name)]
          : mounts,
      );
    },
  };
}

function goMounts(step: CacheStep, home: string, plugin: string): CacheMount[] {
  const modules = step.env['GOMODCACHE'] ?? `${step.env['GOPATH'] ?? `${home}/go`}/pkg/mod`;
  const builds = step.env['GOCACHE'] ?? `${home}/.cache/go-build`;
  return [
    {
      name: 'go-mod',
      target: modules,
      sharing: 'shared',
      env: { GOMODCACHE: modules },
      identity: [],
      plugin,
    },
    { name: 'go-build', target: builds, sharing: 'shared', env: { GOCACHE: builds }, identity: [], plugin },
  ];
}
