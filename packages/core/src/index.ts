export type { BuildRequest, Host } from './build-request.ts';
export { applyPlugins } from './apply-plugins.ts';
export { openBuildRecord, stateFolder } from './build-record.ts';
export type { BuildRecord } from './build-record.ts';
export { findConfigFile, loadPlugins } from './load-plugins.ts';
export { readSigningKey, signIndexFile, signPackages, writeKeyPair } from './signing.ts';
export { indexPackages } from './index-packages.ts';
export type { IndexedPackages, IndexRequest } from './index-packages.ts';
export { errors } from './errors.ts';
