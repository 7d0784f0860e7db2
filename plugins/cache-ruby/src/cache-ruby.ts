import type { CacheMount, CacheStep } from '@melange2/cache';
import { usesTool } from '@melange2/cache';
import { API_VERSION, type Plugin } from '@melange2/plugin-api';

export interface CacheRubyOptions {
  /** Home folder of the build user. */
  readonly home?: string;
}

/** Keeps bundler's downloads and gem's specs, one for each minor version of Ruby. */
export function cacheRuby({ home = '/home/build' }: CacheRubyOptions = {}): Plugin {
  const name = '@melange2/cache-ruby';
  return {
    name,
    apiVersion: API_VERSION,
    apply({ hooks }) {
      hooks.modifyCacheMounts.tap(name, (mounts, step) =>
        usesTool(step, ['gem', 'bundle', 'bundler'], ['ruby'])
          ? [...mounts, ...rubyMounts(step, home, name)]
          : mounts,
      );
    },
  };
}

function rubyMounts(step: CacheStep, home: string, plugin: string): CacheMount[] {
  const identity = [...step.packages].flatMap(([name, version]) =>
    /^ruby(-\d+\.\d+)?$/.test(name) ? [`ruby${/^\d+\.\d+/.exec(version)?.[0] ?? ''}`] : [],
  );
  const bundle = step.env['BUNDLE_USER_CACHE'] ?? `${home}/.bundle/cache`;
  return [
    {
      name: 'bundle',
      target: bundle,
      sharing: 'shared',
      env: { BUNDLE_USER_CACHE: bundle },
      identity,
      plugin,
    },
    {
      name: 'gem-specs',
      target: `${home}/.local/share/gem/specs`,
      sharing: 'shared',
      env: {},
      identity,
      plugin,
    },
  ];
}
