export { cacheGradle, cacheGradle as plugin } from './cache-gradle.ts';
export type { CacheGradleOptions } from './cache-gradle.ts';
