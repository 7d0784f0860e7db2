import type { ContentStore } from '../session-contract.ts';
import type { CacheEntry } from './build-request.ts';
import type { PlannedExport } from './export-target.ts';
import { addToIndex, readIndex, type Descriptor } from './oci-index.ts';

/** What of a build's caches and exports lies in folders of the client, which the session serves as content stores. */
export interface ClientStores {
  readonly stores: Readonly<Record<string, ContentStore>>;
  /** The imports, with the digest that the daemon needs to begin. Local caches that are empty are left out. */
  readonly cacheImports: readonly CacheEntry[];
  /** Makes known in the folders what the daemon has put there. */
  readonly finish: (exporterResponse: ReadonlyMap<string, string>) => Promise<void>;
}

/** The name under which the only cache, or image, of a folder is known. */
const defaultName = 'latest';

/** Finds the folders: local caches have `src` or `dest` among their attributes. */
export async function planClientStores(
  imports: readonly CacheEntry[],
  exports: readonly CacheEntry[],
  planned: readonly PlannedExport[],
): Promise<ClientStores> {
  const stores: Record<string, ContentStore> = {};
  const cacheImports: CacheEntry[] = [];
  for (const entry of imports) {
    const { src, digest, tag = defaultName } = entry.attrs;
    if (entry.type !== 'local' || src === undefined) {
      cacheImports.push(entry);
      continue;
    }
    const known = digest ?? (await findManifest(src, tag))?.digest;
    if (known === undefined) continue;
    stores[`local:${src}`] = { kind: 'dir', dir: src };
    cacheImports.push({ type: 'local', attrs: { ...entry.attrs, digest: known } });
  }
  const caches = exports.flatMap(({ type, attrs }) =>
    type === 'local' && attrs['dest'] !== undefined
      ? [{ dir: attrs['dest'], name: attrs['tag'] ?? defaultName }]
      : [],
  );
  for (const { dir } of caches) stores[`local:${dir}`] = { kind: 'dir', dir, writable: true };
  const image = planned.find(({ layoutDir }) => layoutDir !== undefined);
  if (image?.layoutDir !== undefined)
    stores['export'] = { kind: 'dir', dir: image.layoutDir, writable: true };
  return {
    stores,
    cacheImports,
    async finish(response) {
      const cache = readDescriptor(response.get('cache.manifest'));
      if (cache !== undefined) for (const { dir, name } of caches) await addToIndex(dir, cache, name);
      const made = readDescriptor(response.get('containerimage.descriptor'));
      if (made !== undefined && image?.layoutDir !== undefined)
        await addToIndex(image.layoutDir, made, image.attrs['name'] ?? defaultName);
    },
  };
}

async function findManifest(dir: string, name: string): Promise<Descriptor | undefined> {
  const manifests = await readIndex(dir);
  const named = manifests.find(
    ({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === name,
  );
  return named ?? (manifests.length === 1 ? manifests[0] : undefined);
}

/** Exporters answer with a descriptor as JSON, of images in base64. */
function readDescriptor(text: string | undefined): Descriptor | undefined {
  if (text === undefined) return undefined;
  const json = text.startsWith('{') ? text : Buffer.from(text, 'base64').toString('utf8');
  try {
    return JSON.parse(json) as Descriptor;
  } catch {
    return undefined;
  }
}
