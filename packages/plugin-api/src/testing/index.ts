export type { ContractCase } from './contract-case.ts';
export { pluginContract } from './plugin-contract.ts';
export { cacheStrategyContract } from './cache-strategy-contract.ts';
export type { CacheStrategySubject } from './cache-strategy-contract.ts';
export { rendererContract } from './renderer-contract.ts';
export type { RendererSubject } from './renderer-contract.ts';
