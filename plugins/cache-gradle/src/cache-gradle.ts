import type { CacheMount, CacheStep } from '@melange2/cache';
import { usesTool } from '@melange2/cache';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

export interface CacheGradleOptions {
  /** Home folder of the build user. */
  readonly home?: string;
}

/** Keeps gradle's downloads and its build cache, one for each version of gradle. Two builds do not write it at once. */
export function cacheGradle({ home = '/home/build' }: CacheGradleOptions = {}): Plugin {
  const name = '@melange2/cache-gradle';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyCacheMounts.tap(name, (mounts, step) =>
        usesTool(step, ['gradle', 'gradlew'], ['gradle'])
          ? [...mounts, ...gradleMounts(step, home, name)]
          : mounts,
      );
    },
  };
}

function gradleMounts(step: CacheStep, home: string, plugin: string): CacheMount[] {
  const gradle = step.env['GRADLE_USER_HOME'] ?? `${home}/.gradle`;
  const version = [...step.packages].flatMap(([name, v]) =>
    /^gradle(-\d+)?$/.test(name) ? [`gradle-${v}`] : [],
  );
  return [
    {
      name: 'gradle',
      target: `${gradle}/caches`,
      sharing: 'locked',
      env: { GRADLE_USER_HOME: gradle },
      identity: version,
      plugin,
    },
  ];
}
