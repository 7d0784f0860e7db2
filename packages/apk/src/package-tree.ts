import type { ByteSource } from './byte-source.ts';
import { compareBytes, comparePaths } from './path-text.ts';
import { paxValue, tarHeader, XATTR_PREFIX, type TarHeader } from './tar-header.ts';

/** One path of a package. */
export interface TreeEntry {
  /** `name` is the path inside the package: relative, without slashes at its ends. */
  readonly header: TarHeader;
  /** Content of a file, to be read at any place, any number of times. */
  readonly content?: ByteSource;
  /** Hex SHA-1 of the content, when it is known already. */
  readonly sha1?: string;
}

/** The files of one package, in the order in which a walk meets them and in which they are archived. */
export interface PackageTree {
  readonly entries: readonly TreeEntry[];
  /** The entry at a path, as it is there: links are not followed. */
  readonly get: (path: string) => TreeEntry | undefined;
}

/**
 * Makes a tree of entries in any order.
 *
 * - Every directory above an entry is there: a missing one is added, owned by root, mode 0755.
 * - Of the names of one file, the first in the walk is the file and the others are hard links to it.
 * - A file with capabilities is not linked but copied: apk drops them from a file when it links it.
 * - A path that occurs twice counts with its last entry.
 *
 * @throws RangeError when a path is absolute, empty, or has `.`, `..` or an empty part; or a hard link names
 * nothing that is there.
 */
export function packageTree(entries: Iterable<TreeEntry>): PackageTree {
  const byPath = new Map<string, TreeEntry>();
  for (const entry of entries) {
    const { name } = entry.header;
    if (name.split('/').some((part) => part === '' || part === '.' || part === '..')) {
      throw new RangeError(`a package cannot contain the path ${JSON.stringify(name)}`);
    }
    byPath.delete(name);
    byPath.set(name, entry);
  }
  for (const path of byPath.keys()) {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const parent = path.slice(0, slash);
      if (byPath.has(parent)) break;
      const owner = { uname: 'root', gname: 'root' };
      byPath.set(parent, { header: tarHeader({ name: parent, type: 'directory', mode: 0o755, ...owner }) });
    }
  }
  relink(byPath);
  const sorted = sortWalk([...byPath.values()]);
  return { entries: sorted, get: (path) => byPath.get(path) };
}

/** Extended attribute that holds the capabilities of a program. */
export const CAPABILITY_XATTR = 'security.capability';

function relink(byPath: Map<string, TreeEntry>): void {
  const names = new Map<string, string[]>();
  for (const [path, { header }] of byPath) {
    if (header.type !== 'hardLink') continue;
    const target = linkedFile(byPath, path);
    names.set(target, [...(names.get(target) ?? [target]), path]);
  }
  for (const [target, paths] of names) {
    const file = byPath.get(target);
    if (file === undefined) throw new Error(`no entry ${target}`);
    const [first = target, ...rest] = paths.toSorted(comparePaths);
    byPath.set(first, { ...file, header: { ...file.header, name: first } });
    const copied =
      file.header.type !== 'file' || paxValue(file.header.pax, XATTR_PREFIX + CAPABILITY_XATTR) !== undefined;
    for (const name of rest) {
      const header: TarHeader = copied
        ? { ...file.header, name }
        : { ...file.header, name, type: 'hardLink', size: 0, linkName: first };
      byPath.set(name, { ...file, header });
    }
  }
}

function linkedFile(byPath: ReadonlyMap<string, TreeEntry>, path: string): string {
  let at = path;
  for (let steps = 0; steps < 100; steps++) {
    const entry = byPath.get(at);
    if (entry === undefined) break;
    if (entry.header.type !== 'hardLink') return at;
    at = entry.header.linkName;
  }
  throw new RangeError(`the hard link ${JSON.stringify(path)} names nothing that is in the package`);
}

/** Sorts depth-first, the children of a directory by the bytes of their names. */
function sortWalk(entries: TreeEntry[]): TreeEntry[] {
  // A slash sorts below every other byte of a name then, which is the order of the walk.
  const keys = new Map(entries.map((e) => [e, e.header.name.replaceAll('/', '\0')]));
  return entries.sort((a, b) => compareBytes(keys.get(a) ?? '', keys.get(b) ?? ''));
}
