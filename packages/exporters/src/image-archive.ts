import { createReadStream } from 'node:fs';
import { tarHeader, writeTar, type TarInput } from '@melange2/apk';
import type { ImageLayer } from './image-layer.ts';
import { mediaTypes, type OciImage } from './oci-image.ts';

/**
 * Writes an image as one tar that is an OCI layout and a docker archive at once: `docker load`, `skopeo` and `podman`
 * all read it.
 *
 * @param name the image's name with its tag, or absent for none
 */
export async function* imageArchive(
  image: OciImage,
  layer: ImageLayer,
  name?: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { config, manifest, platform } = image;
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [
      {
        mediaType: mediaTypes.manifest,
        digest: manifest.digest,
        size: manifest.bytes.length,
        platform,
        ...(name === undefined
          ? {}
          : {
              annotations: {
                'io.containerd.image.name': fullName(name),
                'org.opencontainers.image.ref.name': tagOf(name),
              },
            }),
      },
    ],
  };
  const docker = [
    {
      Config: blobPath(config.digest),
      RepoTags: name === undefined ? null : [name],
      Layers: [blobPath(layer.digest)],
    },
  ];
  const folder = (path: string): TarInput => ({
    header: tarHeader({ name: path, type: 'directory', mode: 0o755 }),
  });
  const file = (path: string, bytes: Uint8Array): TarInput => ({
    header: tarHeader({ name: path, size: bytes.length }),
    content: bytes,
  });
  const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
  yield* writeTar([
    folder('blobs'),
    folder('blobs/sha256'),
    ...[config, manifest].map(({ digest, bytes }) => file(blobPath(digest), bytes)),
    {
      header: tarHeader({ name: blobPath(layer.digest), size: layer.sizeBytes }),
      content: createReadStream(layer.path),
    },
    file('index.json', json(index)),
    file('manifest.json', json(docker)),
    file('oci-layout', json({ imageLayoutVersion: '1.0.0' })),
  ]);
}

function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

/**
 * The name with its registry, which engines that keep images in containerd look for: `docker.io/library/name:tag` for
 * `name:tag`.
 */
function fullName(name: string): string {
  const [first = '', ...rest] = name.split('/');
  const tagged = name.slice(name.lastIndexOf('/') + 1).includes(':') ? name : `${name}:latest`;
  if (rest.length === 0) return `docker.io/library/${tagged}`;
  return first === 'localhost' || /[.:]/.test(first) ? tagged : `docker.io/${tagged}`;
}

/** The tag of `registry:5000/name:tag`; `latest` when it has none. */
function tagOf(name: string): string {
  const last = name.slice(name.lastIndexOf('/') + 1);
  return /:([^:@]+)$/.exec(last)?.[1] ?? 'latest';
}
