export type { Exported, ExportContext, Exporter, ExportSource, ExportTarget } from './exporter.ts';
export type { ImageConfig, ImagePlatform } from './image-config.ts';
export { writeLayer } from './image-layer.ts';
export type { ImageLayer } from './image-layer.ts';
export { mediaTypes, ociImage } from './oci-image.ts';
export type { ImageBlob, OciImage } from './oci-image.ts';
export { imageArchive } from './image-archive.ts';
export { errors } from './errors.ts';
