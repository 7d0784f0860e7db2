export { usesTool } from './cache-mount.ts';
export {
  cacheMountId,
  cacheMountNote,
  parseCacheMountDescription,
  parseCacheMountId,
} from './cache-mount-id.ts';
export type { CacheMountIdentity, DescribedCacheMount } from './cache-mount-id.ts';
export type { CacheMount, CacheSharing, CacheStep, CacheWriter } from './cache-mount.ts';
export { parseRemoteCache } from './remote-cache.ts';
export type { RemoteCache } from './remote-cache.ts';
export { cacheSecrets, withCloudAttributes, withoutCacheSecrets } from './cloud-cache.ts';
