import { lstatSync, readdirSync, readlinkSync, type BigIntStats } from 'node:fs';
import { buildError } from '@melange2/diagnostics';
import { compareText } from '@melange2/proto';
import { sessionErrors } from '../errors.ts';
import { goMode, isRegular, toGoMode } from './go-mode.ts';
import type { FilterVerdict, PathFilter } from './path-filter.ts';
import type { FileIdentity, TreeEntry } from './tree-entry.ts';

export interface WalkOptions {
  /** A path is sent when every filter selects it. */
  readonly filters: readonly PathFilter[];
  readonly owners: 'reset' | 'keep';
  readonly times: 'content' | 'keep';
}

/**
 * Lists a folder in the order of the file sync protocol: names by their bytes, a folder before what is in it.
 *
 * Further names of a file are hard links to the first that was listed. Sockets, and what vanishes meanwhile, are left
 * out. With `content` times every entry has the time 0; whoever sends it puts in the one made from the content.
 *
 * @throws {BuildError} SESSION_FILE_UNREADABLE, SESSION_NAME_INVALID
 */
export function* walkFolder(root: string, options: WalkOptions): Generator<TreeEntry, void> {
  const walk = new Walk(root, options);
  const open = [walk.open('', undefined, [])];
  for (let folder = open.at(-1); folder !== undefined; folder = open.at(-1)) {
    const name = folder.names[folder.next++];
    if (name === undefined) {
      open.pop();
      continue;
    }
    const found = walk.find(folder, folder.prefix + name);
    if (found === undefined) continue;
    const { entry, verdicts, selected } = found;
    if (selected) {
      for (const parent of folder.waiting) {
        if (!parent.sent) yield parent.entry;
        parent.sent = true;
      }
      yield entry;
    }
    if ((entry.mode & goMode.dir) !== 0) {
      const waiting = verdicts === undefined ? [] : [...folder.waiting, { entry, sent: selected }];
      open.push(walk.open(entry.path, verdicts, waiting));
    }
  }
}

/** A folder that is sent only if something in it is. */
interface Waiting {
  readonly entry: TreeEntry;
  sent: boolean;
}

interface OpenFolder {
  readonly prefix: string;
  readonly names: readonly string[];
  next: number;
  readonly verdicts: readonly FilterVerdict[] | undefined;
  readonly waiting: readonly Waiting[];
}

interface Found {
  readonly entry: TreeEntry;
  /** Absent where nothing is filtered. */
  readonly verdicts: readonly FilterVerdict[] | undefined;
  readonly selected: boolean;
}

/** What is asked of a file. */
interface Look extends FileIdentity {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly dev: number;
  readonly rdev: number;
  /** Only where times are kept. */
  readonly mtimeNs?: bigint;
}

class Walk {
  readonly #root: string;
  readonly #options: WalkOptions;
  readonly #firstNames = new Map<string, TreeEntry>();

  constructor(root: string, options: WalkOptions) {
    this.#root = root;
    this.#options = options;
  }

  open(
    folder: string,
    verdicts: readonly FilterVerdict[] | undefined,
    waiting: readonly Waiting[],
  ): OpenFolder {
    const prefix = folder === '' ? '' : `${folder}/`;
    return { prefix, names: this.#names(folder), next: 0, verdicts, waiting };
  }

  /** Returns what a path is; nothing where neither it nor anything in it is sent. */
  find({ verdicts: parents }: OpenFolder, path: string): Found | undefined {
    const { filters } = this.#options;
    const absolute = `${this.#root}/${path}`;
    const look = this.#look(absolute);
    if (look === undefined) return undefined;
    const mode = toGoMode(look.mode);
    if ((mode & goMode.socket) !== 0) return undefined;
    let selected = true;
    let verdicts: FilterVerdict[] | undefined;
    if (filters.length > 0) {
      const isDir = (mode & goMode.dir) !== 0;
      verdicts = filters.map((filter, i) => filter.test(path, isDir, parents?.[i]));
      selected = verdicts.every((v) => v.selected);
      if ((!selected && !isDir) || verdicts.some((v) => v.pruned)) return undefined;
    }
    const entry = this.#entry(path, absolute, mode, look);
    return entry === undefined ? undefined : { entry, verdicts, selected };
  }

  #names(folder: string): string[] {
    const absolute = folder === '' ? this.#root : `${this.#root}/${folder}`;
    let names: string[];
    try {
      names = readdirSync(absolute);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT' && folder !== '') return [];
      throw unreadable(absolute, cause);
    }
    // Below the surrogates, the order of UTF-16 units is that of the bytes.
    if (!names.some((name) => surrogateOrAbove.test(name))) return names.sort();
    for (const name of names) {
      if (name.includes('\ufffd') && lstatSync(`${absolute}/${name}`, gone) === undefined)
        throw buildError(sessionErrors, 'SESSION_NAME_INVALID', { path: `${absolute}/${name}` });
    }
    return names.sort(compareText);
  }

  #look(absolute: string): Look | undefined {
    try {
      if (this.#options.times !== 'keep') return lstatSync(absolute, gone);
      const stats = lstatSync(absolute, { throwIfNoEntry: false, bigint: true });
      return stats === undefined ? undefined : exactLook(stats);
    } catch (cause) {
      throw unreadable(absolute, cause);
    }
  }

  #entry(path: string, absolute: string, mode: number, look: Look): TreeEntry | undefined {
    const keep = this.#options.owners === 'keep';
    let linkname = '';
    if ((mode & goMode.symlink) !== 0) {
      try {
        linkname = readlinkSync(absolute);
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw unreadable(absolute, cause);
      }
    }
    const isDir = (mode & goMode.dir) !== 0;
    const isDevice = (mode & goMode.device) !== 0;
    const { size, mtimeMs, ctimeMs, ino, nlink } = look;
    const entry: TreeEntry = {
      path,
      mode,
      uid: keep ? look.uid : 0,
      gid: keep ? look.gid : 0,
      size: isDir ? 0 : size,
      modTime: look.mtimeNs ?? 0n,
      linkname,
      devmajor: isDevice ? major(BigInt(look.rdev)) : 0,
      devminor: isDevice ? minor(BigInt(look.rdev)) : 0,
      content: isRegular(mode)
        ? {
            source: { kind: 'file', path: absolute, sizeBytes: size },
            seen: { size, mtimeMs, ctimeMs, ino },
            moreNames: nlink > 1,
            // Set later; an object that grows costs as much again.
            listedTime: undefined,
          }
        : undefined,
    };
    if (isDir || nlink === 1) return entry;
    const key = `${look.dev}:${ino}`;
    const first = this.#firstNames.get(key);
    if (first === undefined) {
      this.#firstNames.set(key, entry);
      return entry;
    }
    // The size stays: daemons compare it, and make the link again when it differs.
    return { ...entry, linkname: first.path, content: undefined };
  }
}

const surrogateOrAbove = /[\ud800-\uffff]/;
const gone = { throwIfNoEntry: false } as const;

function exactLook(stats: BigIntStats): Look {
  return {
    mode: Number(stats.mode),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: Number(stats.size),
    nlink: Number(stats.nlink),
    dev: Number(stats.dev),
    ino: Number(stats.ino),
    rdev: Number(stats.rdev),
    mtimeMs: milliseconds(stats.mtimeNs),
    ctimeMs: milliseconds(stats.ctimeNs),
    mtimeNs: stats.mtimeNs,
  };
}

/** As Node makes them of seconds and nanoseconds, so that both can be compared. */
function milliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1_000_000_000n) * 1000 + Number(nanoseconds % 1_000_000_000n) / 1_000_000;
}

/** As the C library's `gnu_dev_major`. */
function major(device: bigint): number {
  return Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn));
}

function minor(device: bigint): number {
  return Number((device & 0xffn) | ((device >> 12n) & ~0xffn & 0xffffffffn));
}

/** Names what the file system has refused. */
export function unreadable(path: string, cause: unknown): Error {
  const { code } = cause as NodeJS.ErrnoException;
  const why =
    code === 'EACCES' || code === 'EPERM'
      ? 'this user may not read it'
      : code === 'ENOENT'
        ? 'it does not exist'
        : cause instanceof Error
          ? cause.message
          : String(cause);
  return buildError(sessionErrors, 'SESSION_FILE_UNREADABLE', { path, why }, { cause });
}
