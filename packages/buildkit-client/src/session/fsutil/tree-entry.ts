import type { BlobSource } from '../../session-contract.ts';

/** One file of a tree in the form of the file sync protocol. */
export interface TreeStat {
  /** Relative, with slashes. */
  readonly path: string;
  /** Permission and type bits as Go's `os.FileMode` has them. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content, also of further names of a file; 0 for folders and devices. */
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly modTime: bigint;
  /** Target of a symlink; of a hard link the path that came first. */
  readonly linkname: string;
  readonly devmajor: number;
  readonly devminor: number;
  readonly xattrs?: ReadonlyMap<string, Uint8Array> | undefined;
}

/** A file of a tree, with what is needed to send its content. */
export interface TreeEntry extends TreeStat {
  /** Where the content is; only regular files that are no further names have it. */
  readonly content: EntryContent | undefined;
}

export interface EntryContent {
  readonly source: BlobSource;
  /** What a file on disk looked like when it was listed: another look means that it was changed. */
  readonly seen?: FileIdentity | undefined;
  /** Hard links to it may follow. */
  readonly moreNames?: boolean | undefined;
  /** The time that was made from the content and told; what is sent has to be what it was made from. */
  listedTime?: bigint | undefined;
}

/** What tells one state of a file from another without reading it. */
export interface FileIdentity {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly ino: number;
}

export function sameIdentity(a: FileIdentity, b: FileIdentity): boolean {
  return a.size === b.size && a.mtimeMs === b.mtimeMs && a.ctimeMs === b.ctimeMs && a.ino === b.ino;
}
