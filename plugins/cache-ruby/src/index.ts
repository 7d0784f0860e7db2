export { cacheRuby, cacheRuby as plugin } from './cache-ruby.ts';
export type { CacheRubyOptions } from './cache-ruby.ts';
