export { cacheNpm, cacheNpm as plugin } from './cache-npm.ts';
export type { CacheNpmOptions } from './cache-npm.ts';
