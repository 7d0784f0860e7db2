export { cacheMaven, cacheMaven as plugin } from './cache-maven.ts';
export type { CacheMavenOptions } from './cache-maven.ts';
