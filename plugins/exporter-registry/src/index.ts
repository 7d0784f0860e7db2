export { exporterRegistry, exporterRegistry as plugin } from './exporter-registry.ts';
export { parseReference } from './reference.ts';
export type { RegistryReference } from './reference.ts';
