export { cacheCcache, cacheCcache as plugin } from './cache-ccache.ts';
export type { CacheCcacheOptions } from './cache-ccache.ts';
