export { cacheUv, cacheUv as plugin } from './cache-uv.ts';
export type { CacheUvOptions } from './cache-uv.ts';
