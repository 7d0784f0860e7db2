export { exporterTarball, exporterTarball as plugin } from './exporter-tarball.ts';
