import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What points to a manifest, as the OCI image specification has it. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

const refName = 'org.opencontainers.image.ref.name';

/** Reads the manifests of an OCI layout in a folder; none where there is no layout yet. */
export async function readIndex(dir: string): Promise<readonly Descriptor[]> {
  let text: string;
  try {
    text = await readFile(join(dir, 'index.json'), 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
    throw cause;
  }
  const { manifests } = JSON.parse(text) as { readonly manifests?: readonly Descriptor[] };
  return manifests ?? [];
}

/**
 * Makes a manifest known under a name in the index of an OCI layout, in place of the one that had the name before.
 * The index appears whole or not at all.
 */
export async function addToIndex(dir: string, descriptor: Descriptor, name: string): Promise<void> {
  const others = (await readIndex(dir)).filter(
    ({ digest, annotations }) => digest !== descriptor.digest && annotations?.[refName] !== name,
  );
  const annotations = { ...descriptor.annotations, [refName]: name };
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [...others, { ...descriptor, annotations }],
  };
  await mkdir(dir, { recursive: true });
  await replace(join(dir, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  await replace(join(dir, 'index.json'), JSON.stringify(index));
}

async function replace(path: string, text: string): Promise<void> {
  const partial = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(partial, text, { flag: 'wx' });
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}
