export { cacheApk, cacheApk as plugin } from './cache-apk.ts';
export type { CacheApkOptions } from './cache-apk.ts';
