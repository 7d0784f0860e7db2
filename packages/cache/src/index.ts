export { cacheMountId, cacheMountName, usesTool } from './cache-mount.ts';
export type { CacheMount, CacheSharing, CacheStep, CacheWriter } from './cache-mount.ts';
export { parseRemoteCache } from './remote-cache.ts';
export type { RemoteCache } from './remote-cache.ts';
export { cacheSecrets, withCloudAttributes } from './cloud-cache.ts';
