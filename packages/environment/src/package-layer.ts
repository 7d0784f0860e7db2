import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { openPackage, packageEntries, writeTar, type TarInput } from '@melange2/apk';
import { openFileSource } from './file-source.ts';
import type { Layer } from './oci-image.ts';
import type { CachedPackage } from './package-cache.ts';
import type { EntryEdit } from './plan-root.ts';
import { storeFile } from './store-file.ts';

/** A layer with the file its bytes are in. */
export interface StoredLayer extends Layer {
  readonly path: string;
  readonly offset: number;
}

/**
 * The layer of a package: its data member as it is where that puts every file in its place, else a tar with the
 * edits applied, which is kept in the cache.
 */
export async function packageLayer(
  { scan, path }: CachedPackage,
  edits: ReadonlyMap<number, EntryEdit>,
  cacheDir: string,
): Promise<StoredLayer> {
  if (edits.size === 0) {
    const { offset, length, sha256 } = scan.data;
    const diffId = `sha256:${scan.diffId}`;
    return { digest: `sha256:${sha256}`, sizeBytes: length, diffId, compressed: true, path, offset };
  }
  const changes = [...edits].toSorted(([a], [b]) => a - b);
  const key = createHash('sha256')
    .update(JSON.stringify(['edited', 1, scan.data.sha256, changes]))
    .digest('hex');
  const file = await storeFile(join(cacheDir, 'layers'), key, () =>
    writeTar(editedEntries(path, scan.identity, edits)),
  );
  return {
    digest: file.digest,
    sizeBytes: file.sizeBytes,
    diffId: file.digest,
    compressed: false,
    path: file.path,
    offset: 0,
  };
}

/** The entries of a package with edits applied; dropped ones are gone. */
export async function* editedEntries(
  path: string,
  identity: string,
  edits: ReadonlyMap<number, EntryEdit>,
  only?: ReadonlySet<number>,
): AsyncGenerator<TarInput, void, undefined> {
  const source = await openFileSource(path);
  try {
    const pkg = await openPackage(source, { file: path, identity, checkData: false });
    let position = -1;
    for await (const entry of packageEntries(pkg)) {
      position++;
      const edit = edits.get(position);
      if (only === undefined ? edit?.kind === 'drop' : !only.has(position)) continue;
      const { name, type, mode, uid, gid, uname, gname, size, mtime, linkName, devMajor, devMinor, pax } =
        entry;
      const change = edit?.kind === 'change' ? edit : undefined;
      yield {
        header: {
          name: change?.name ?? name,
          type,
          mode,
          uid: change?.uid ?? uid,
          gid: change?.gid ?? gid,
          uname: change?.uid === undefined ? uname : '',
          gname: change?.gid === undefined ? gname : '',
          size,
          mtime,
          linkName: change?.linkName ?? linkName,
          devMajor,
          devMinor,
          pax: pax.filter(([key]) => !key.startsWith('APK-TOOLS.')),
        },
        ...(size > 0 ? { content: entry.content } : {}),
      };
    }
  } finally {
    await source.close();
  }
}
