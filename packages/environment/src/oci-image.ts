import { createHash } from 'node:crypto';
import type { Platform } from '@melange2/llb';

/** One layer of an image: where its bytes are, and what they are. Digests are `sha256:` and hex. */
export interface Layer {
  readonly digest: string;
  readonly sizeBytes: number;
  /** Digest of the unpacked tar. */
  readonly diffId: string;
  readonly compressed: boolean;
}

/** A piece of a store: bytes in memory or a range of a file. The shape is that of a session's content store. */
export type Blob =
  | { readonly kind: 'file'; readonly path: string; readonly offset?: number; readonly sizeBytes: number }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array };

/** Manifest and config of an image. */
export interface OciImage {
  /** Digest of the manifest. */
  readonly digest: string;
  /** Manifest and config, by digest. */
  readonly blobs: ReadonlyMap<string, Blob>;
}

/**
 * Makes the manifest and config of an image of these layers. Equal layers give equal bytes.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
 */
export function ociImage(layers: readonly Layer[], platform: Platform): OciImage {
  const config = json({
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map((l) => l.diffId) },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digestOf(config),
      size: config.length,
    },
    layers: layers.map(({ digest, sizeBytes, compressed }) => ({
      mediaType: `application/vnd.oci.image.layer.v1.tar${compressed ? '+gzip' : ''}`,
      digest,
      size: sizeBytes,
    })),
  });
  const digest = digestOf(manifest);
  return {
    digest,
    blobs: new Map([
      [digest, { kind: 'bytes', bytes: manifest }],
      [digestOf(config), { kind: 'bytes', bytes: config }],
    ]),
  };
}

/** `sha256:` and the hex digest of `bytes`. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}
