import { usesTool } from '@melange2/cache';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

export interface CacheApkOptions {
  /** Where apk keeps packages: the target of /etc/apk/cache. */
  readonly target?: string;
}

/** Keeps the packages that steps install with apk themselves. One build at a time writes it: apk does not lock its cache. */
export function cacheApk({ target = '/var/cache/apk' }: CacheApkOptions = {}): Plugin {
  const name = '@melange2/cache-apk';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyCacheMounts.tap(name, (mounts, step) =>
        usesTool(step, ['apk'])
          ? [...mounts, { name: 'apk', target, sharing: 'locked', env: {}, identity: [], plugin: name }]
          : mounts,
      );
    },
  };
}
