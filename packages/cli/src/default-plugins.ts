import type { Plugin } from '@melange2/plugin-api';

/** The plugins that every build has, before those of the user: exporters, and cache strategies unless unwanted. */
export async function defaultPlugins(cacheMounts: boolean): Promise<Plugin[]> {
  const exporters = await Promise.all([
    import('@melange2/exporter-docker'),
    import('@melange2/exporter-tarball'),
    import('@melange2/exporter-registry'),
  ]);
  const caches = cacheMounts
    ? await Promise.all([
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
      ])
    : [];
  return [...exporters, ...caches].map(({ plugin }) => plugin());
}
