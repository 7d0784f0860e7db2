export { cachePip, cachePip as plugin } from './cache-pip.ts';
export type { CachePipOptions } from './cache-pip.ts';
