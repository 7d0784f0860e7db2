import type { ImageConfig, ImagePlatform } from './image-config.ts';

/** Where an export goes, as the user said it. */
export interface ExportTarget {
  /** `docker`, `tarball`, `registry`, or what a plugin adds. */
  readonly kind: string;
  /** An image name for `docker` and `registry`, a path for `tarball`. */
  readonly ref: string;
  /** Further settings, such as `type=tar` or `insecure=true`. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** What is exported: a file system and how it wants to be run. */
export interface ExportSource {
  readonly platform: ImagePlatform;
  readonly config: ImageConfig;
  /** Opens the file system as an uncompressed tar. Can be asked for more than once; each time it is built or read anew. */
  readonly openTar: (signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
}

export interface ExportContext {
  readonly signal: AbortSignal;
  /** Told how many bytes have gone out. */
  readonly onProgress: (bytes: number) => void;
  /** A folder for files that are not kept; on the disk the outputs are on. */
  readonly temporaryDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths start. */
  readonly cwd: string;
}

export interface Exported {
  /** What was made, for people: a file, an image name. */
  readonly location: string;
  /** Digest of the image's manifest, where there is one. */
  readonly digest?: string;
  /** The next command: how to use it. */
  readonly next?: string;
}

/** Takes a file system somewhere. Leaves nothing half-written: aborted or failed, what was there before is still there. */
export interface Exporter {
  /** @throws {BuildError} EXPORT_… */
  export(source: ExportSource, context: ExportContext): Promise<Exported>;
}
