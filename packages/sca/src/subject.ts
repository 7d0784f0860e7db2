import type { PackageTree, TreeEntry } from '@melange2/apk';
import type { Diagnostic } from '@melange2/diagnostics';

/** The package that is looked at, and what it is looked at with. */
export interface Subject {
  readonly name: string;
  /** Full version with release, `3.0-r7`. */
  readonly version: string;
  readonly tree: PackageTree;
  /** Trees of all packages of the build, the main package's first; this package's own is among them. */
  readonly relatives: readonly PackageTree[];
  /** Runtime dependencies that the build file declares. */
  readonly declared: readonly string[];
  /** Directories whose libraries are for everybody. */
  readonly libraryDirectories: readonly string[];
  /** Version to ask of a library by `so-ver:`; undefined for none. */
  readonly libraryVersion: (library: string) => string | undefined;
}

/** What one generator found. */
export interface Found {
  readonly depends?: readonly string[];
  readonly provides?: readonly string[];
  readonly vendored?: readonly string[];
  readonly diagnostics?: readonly Diagnostic[];
}

/** One way of finding dependencies. */
export type Generator = (subject: Subject) => Found | Promise<Found>;

/** The directory part of a path; empty at the top. */
export function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Whether an entry is a file; another name of a file counts as one. */
export function isFile(entry: TreeEntry): boolean {
  return entry.header.type === 'file' || entry.header.type === 'hardLink';
}

/** Follows links inside a tree, in any part of the path; undefined when they lead out of it, nowhere, or in circles. */
export function followLinks(tree: PackageTree, path: string): TreeEntry | undefined {
  let left = path.split('/');
  let at: string[] = [];
  for (let steps = 0; steps < 400; steps++) {
    const part = left.shift();
    if (part === undefined) return tree.get(at.join('/'));
    if (part === '' || part === '.') continue;
    if (part === '..') {
      at.pop();
      continue;
    }
    const entry = tree.get([...at, part].join('/'));
    if (entry?.header.type !== 'symlink') {
      at.push(part);
      continue;
    }
    if (entry.header.linkName.startsWith('/')) at = [];
    left = [...entry.header.linkName.split('/'), ...left];
  }
  return undefined;
}
