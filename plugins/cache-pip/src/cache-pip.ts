import type { CacheMount, CacheStep } from '@melange2/cache';
import { usesTool } from '@melange2/cache';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

export interface CachePipOptions {
  /** Home folder of the build user. */
  readonly home?: string;
}

/** Keeps pip's downloads and the wheels it built. Wheels fit one minor version of Python, so that is part of the cache's identity. */
export function cachePip({ home = '/home/build' }: CachePipOptions = {}): Plugin {
  const name = '@melange2/cache-pip';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyCacheMounts.tap(name, (mounts, step) =>
        usesTool(step, ['pip', 'pip3', 'python', 'python3'], ['python', 'py'])
          ? [...mounts, ...pipMounts(step, home, name)]
          : mounts,
      );
    },
  };
}

function pipMounts(step: CacheStep, home: string, plugin: string): CacheMount[] {
  const target = step.env['PIP_CACHE_DIR'] ?? `${home}/.cache/pip`;
  const identity = pythonVersions(step.packages);
  return [{ name: 'pip', target, sharing: 'shared', env: { PIP_CACHE_DIR: target }, identity, plugin }];
}

/** The minor versions of Python in the environment: `python3.12` of `python-3.12` 3.12.4, or of `python3` 3.11.2. */
function pythonVersions(packages: ReadonlyMap<string, string>): string[] {
  const found = [...packages].flatMap(([name, version]) => {
    const minor = /^python(?:-?3(?:\.\d+)?)?$/.test(name) ? /^\d+\.\d+/.exec(version)?.[0] : undefined;
    return minor === undefined ? [] : [`python${minor}`];
  });
  return [...new Set(found)].toSorted();
}
