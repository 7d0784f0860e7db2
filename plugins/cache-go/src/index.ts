export { cacheGo, cacheGo as plugin } from './cache-go.ts';
export type { CacheGoOptions } from './cache-go.ts';
