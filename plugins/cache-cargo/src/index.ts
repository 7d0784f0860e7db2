export { cacheCargo, cacheCargo as plugin } from './cache-cargo.ts';
export type { CacheCargoOptions } from './cache-cargo.ts';
