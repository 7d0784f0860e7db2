import { compareText } from '@melange2/proto';
import type { VirtualFile, VirtualTree } from '../../session-contract.ts';
import { timeOfIdentity } from './content-time.ts';
import { goMode, isRegular, toGoMode } from './go-mode.ts';
import type { FilterVerdict, PathFilter } from './path-filter.ts';
import type { TreeEntry } from './tree-entry.ts';

/**
 * Lists a tree that is not on disk in the order of the file sync protocol. Folders that are not named are made.
 *
 * @throws {Error} when a path is not relative or comes twice, or a hard link's target does not come before it.
 */
export function* walkVirtualTree(
  tree: VirtualTree,
  filters: readonly PathFilter[],
): Generator<TreeEntry, void> {
  const known = new Map<string, { verdicts: readonly FilterVerdict[]; entry: TreeEntry; sent: boolean }>();
  for (const entry of entriesOf(tree)) {
    const isDir = (entry.mode & goMode.dir) !== 0;
    const parents = foldersOf(entry.path);
    const parent = parents.length === 0 ? undefined : known.get(parents.at(-1)!);
    if (parents.length > 0 && parent === undefined) continue;
    const verdicts = filters.map((filter, i) => filter.test(entry.path, isDir, parent?.verdicts[i]));
    if (verdicts.some((v) => v.pruned)) continue;
    const selected = verdicts.every((v) => v.selected);
    if (isDir) known.set(entry.path, { verdicts, entry, sent: selected });
    if (!selected) continue;
    for (const folder of parents) {
      const waiting = known.get(folder)!;
      if (!waiting.sent) yield waiting.entry;
      waiting.sent = true;
    }
    yield entry;
  }
}

function entriesOf(tree: VirtualTree): readonly TreeEntry[] {
  const entries = new Map<string, TreeEntry>();
  for (const file of tree.files) {
    if (!isPlain(file.path)) throw new Error(`"${file.path}" is no plain relative path.`);
    if (entries.has(file.path)) throw new Error(`"${file.path}" is twice in one tree.`);
    entries.set(file.path, entryOf(file));
  }
  for (const path of entries.keys())
    for (const folder of foldersOf(path))
      if (!entries.has(folder)) entries.set(folder, entryOf({ kind: 'dir', path: folder }));
  const sized = [...entries.values()].map((entry) =>
    isRegular(entry.mode) && entry.linkname !== ''
      ? { ...entry, size: entries.get(entry.linkname)?.size ?? 0 }
      : entry,
  );
  return sized.sort((a, b) => comparePaths(a.path, b.path));
}

function entryOf(file: VirtualFile): TreeEntry {
  const common = {
    path: file.path,
    uid: file.uid ?? 0,
    gid: file.gid ?? 0,
    size: 0,
    modTime: file.modTimeNs ?? 0n,
    linkname: '',
    devmajor: 0,
    devminor: 0,
    xattrs: file.xattrs,
    content: undefined,
  };
  switch (file.kind) {
    case 'dir':
      return { ...common, mode: toGoMode(file.mode ?? 0o755) + goMode.dir };
    case 'symlink':
      return { ...common, mode: 0o777 + goMode.symlink, linkname: file.target };
    case 'hardlink':
      return { ...common, mode: toGoMode(file.mode ?? 0o644), linkname: file.target };
    case 'file': {
      const { content } = file;
      return {
        ...common,
        mode: toGoMode(file.mode ?? 0o644),
        size: content.kind === 'bytes' ? content.bytes.length : content.sizeBytes,
        modTime: file.modTimeNs ?? (file.identity === undefined ? 0n : timeOfIdentity(file.identity)),
        content: { source: content, moreNames: true },
      };
    }
  }
}

function isPlain(path: string): boolean {
  return path !== '' && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
}

function foldersOf(path: string): string[] {
  const folders: string[] = [];
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1))
    folders.push(path.slice(0, slash));
  return folders;
}

/** Component by component, by bytes: a folder's content comes right behind it. */
function comparePaths(a: string, b: string): number {
  return compareText(a.replaceAll('/', '\0'), b.replaceAll('/', '\0'));
}
