export { cacheComposer, cacheComposer as plugin } from './cache-composer.ts';
export type { CacheComposerOptions } from './cache-composer.ts';
