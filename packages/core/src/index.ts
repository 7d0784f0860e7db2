export type { BuildRequest, Host } from './build-request.ts';
export { applyPlugins } from './apply-plugins.ts';
export { openBuildRecord, stateFolder } from './build-record.ts';
export type { BuildRecord } from './build-record.ts';
