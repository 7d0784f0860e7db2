export { exporterDocker, exporterDocker as plugin } from './exporter-docker.ts';
export type { ExporterDockerOptions } from './exporter-docker.ts';
