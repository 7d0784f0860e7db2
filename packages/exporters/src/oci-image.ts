import { createHash } from 'node:crypto';
import type { ImageConfig, ImagePlatform } from './image-config.ts';

/** A small blob in memory. */
export interface ImageBlob {
  readonly digest: string;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/** The documents of an image with one layer. Equal input gives equal bytes. */
export interface OciImage {
  readonly config: ImageBlob;
  readonly manifest: ImageBlob;
  readonly platform: ImagePlatform;
}

export const mediaTypes: Readonly<Record<'config' | 'layer' | 'manifest' | 'index', string>> = {
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
};

/**
 * Makes configuration and manifest of an image.
 *
 * @param created RFC 3339, or absent for no date
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md
 */
export function ociImage(
  layer: { readonly digest: string; readonly diffId: string; readonly sizeBytes: number },
  config: ImageConfig,
  platform: ImagePlatform,
  created?: string,
): OciImage {
  const { env, workingDir, user, entrypoint, command, labels } = config;
  const document = {
    ...(created === undefined ? {} : { created }),
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    config: {
      User: user,
      Env: Object.keys(env)
        .toSorted()
        .map((name) => `${name}=${env[name]}`),
      WorkingDir: workingDir,
      ...(entrypoint === undefined ? {} : { Entrypoint: entrypoint }),
      ...(command === undefined ? {} : { Cmd: command }),
      ...(labels === undefined ? {} : { Labels: labels }),
    },
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    history: [{ ...(created === undefined ? {} : { created }), created_by: 'melange2' }],
  };
  const configBlob = jsonBlob(document, mediaTypes.config);
  const manifest = jsonBlob(
    {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: { mediaType: mediaTypes.config, digest: configBlob.digest, size: configBlob.bytes.length },
      layers: [{ mediaType: mediaTypes.layer, digest: layer.digest, size: layer.sizeBytes }],
    },
    mediaTypes.manifest,
  );
  return { config: configBlob, manifest, platform };
}

function jsonBlob(value: unknown, mediaType: string): ImageBlob {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return { digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`, bytes, mediaType };
}
