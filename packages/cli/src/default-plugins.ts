import type { Plugin } from '@melange2/plugin-api';

/** The plugins that every build has, before those of the user: cache strategies, unless they are not wanted. */
export async function defaultPlugins(cacheMounts: boolean): Promise<Plugin[]> {
  if (!cacheMounts) return [];
  const modules = await Promise.all([
    import('@melange2/cache-go'),
    import('@melange2/cache-pip'),
    import('@melange2/cache-npm'),
    import('@melange2/cache-cargo'),
    import('@melange2/cache-ccache'),
    import('@melange2/cache-apk'),
    import('@melange2/cache-uv'),
    import('@melange2/cache-composer'),
    import('@melange2/cache-maven'),
    import('@melange2/cache-gradle'),
    import('@melange2/cache-ruby'),
  ]);
  return modules.map(({ plugin }) => plugin());
}
