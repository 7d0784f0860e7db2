import type { CacheMount, CacheStep } from '@melange2/cache';
import { usesTool } from '@melange2/cache';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

export interface CacheMavenOptions {
  /** Home folder of the build user. */
  readonly home?: string;
}

/** Keeps maven's local repository. Two builds do not write it at once: maven does not lock it. */
export function cacheMaven({ home = '/home/build' }: CacheMavenOptions = {}): Plugin {
  const name = '@melange2/cache-maven';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyCacheMounts.tap(name, (mounts, step) =>
        usesTool(step, ['mvn', 'mvnw'], ['maven']) ? [...mounts, ...mavenMounts(step, home, name)] : mounts,
      );
    },
  };
}

function mavenMounts(_step: CacheStep, home: string, plugin: string): CacheMount[] {
  const target = `${home}/.m2/repository`;
  return [{ name: 'maven', target, sharing: 'locked', env: {}, identity: [], plugin }];
}
