import { lstatSync, readdirSync, readlinkSync, type BigIntStats, type Stats } from 'node:fs';
import { buildError } from '@melange2/diagnostics';
import { compareText } from '@melange2/proto';
import { sessionErrors } from '../errors.ts';
import { goMode, toGoMode } from './go-mode.ts';
import type { FilterVerdict, PathFilter } from './path-filter.ts';
import type { TreeEntry } from './tree-entry.ts';

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
  yield* new Walk(root, options).folder('', undefined, []);
}

/** A folder that is sent only if something in it is. */
interface Waiting {
  readonly entry: TreeEntry;
  sent: boolean;
}

class Walk {
  readonly #root: string;
  readonly #options: WalkOptions;
  readonly #firstNames = new Map<string, TreeEntry>();

  constructor(root: string, options: WalkOptions) {
    this.#root = root;
    this.#options = options;
  }

  *folder(
    folder: string,
    parents: readonly (FilterVerdict | undefined)[] | undefined,
    waiting: readonly Waiting[],
  ): Generator<TreeEntry, void> {
    const { filters } = this.#options;
    const prefix = folder === '' ? '' : `${folder}/`;
    for (const name of this.#names(folder)) {
      const path = prefix + name;
      const stats = this.#stats(path);
      if (stats === undefined || stats.isSocket()) continue;
      const isDir = stats.isDirectory();
      let selected = true;
      let pruned = false;
      let verdicts: FilterVerdict[] | undefined;
      if (filters.length > 0) {
        verdicts = filters.map((filter, i) => filter.test(path, isDir, parents?.[i]));
        selected = verdicts.every((v) => v.selected);
        pruned = verdicts.some((v) => v.pruned);
      }
      if (pruned || (!selected && !isDir)) continue;
      const entry = this.#entry(path, stats);
      if (entry === undefined) continue;
      if (selected) {
        for (const parent of waiting) {
          if (parent.sent) continue;
          parent.sent = true;
          yield parent.entry;
        }
        yield entry;
      }
      if (isDir)
        yield* this.folder(
          path,
          verdicts,
          filters.length === 0 ? [] : [...waiting, { entry, sent: selected }],
        );
    }
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
    if (!names.some((name) => /[\ud800-\uffff]/.test(name))) return names.sort();
    for (const name of names) {
      if (
        name.includes('\ufffd') &&
        lstatSync(`${absolute}/${name}`, { throwIfNoEntry: false }) === undefined
      )
        throw buildError(sessionErrors, 'SESSION_NAME_INVALID', { path: `${absolute}/${name}` });
    }
    return names.sort(compareText);
  }

  #stats(path: string): Stats | BigIntStats | undefined {
    const absolute = `${this.#root}/${path}`;
    try {
      return this.#options.times === 'keep'
        ? lstatSync(absolute, { throwIfNoEntry: false, bigint: true })
        : lstatSync(absolute, { throwIfNoEntry: false });
    } catch (cause) {
      throw unreadable(absolute, cause);
    }
  }

  #entry(path: string, stats: Stats | BigIntStats): TreeEntry | undefined {
    const absolute = `${this.#root}/${path}`;
    const mode = toGoMode(Number(stats.mode));
    const isDir = (mode & goMode.dir) !== 0;
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
    const isDevice = (mode & goMode.device) !== 0;
    const rdev = isDevice ? BigInt(stats.rdev) : 0n;
    const isFile = stats.isFile();
    let entry: TreeEntry = {
      path,
      mode,
      uid: keep ? Number(stats.uid) : 0,
      gid: keep ? Number(stats.gid) : 0,
      size: isDir ? 0 : Number(stats.size),
      modTime: 'mtimeNs' in stats ? stats.mtimeNs : 0n,
      linkname,
      devmajor: isDevice ? major(rdev) : 0,
      devminor: isDevice ? minor(rdev) : 0,
      content: isFile
        ? {
            source: { kind: 'file', path: absolute, sizeBytes: Number(stats.size) },
            seen: {
              size: Number(stats.size),
              mtimeMs: 'mtimeNs' in stats ? milliseconds(stats.mtimeNs) : stats.mtimeMs,
              ctimeMs: 'ctimeNs' in stats ? milliseconds(stats.ctimeNs) : stats.ctimeMs,
              ino: Number(stats.ino),
            },
            ...(stats.nlink > 1 ? { moreNames: true } : undefined),
          }
        : undefined,
    };
    if (!isDir && stats.nlink > 1) {
      const key = `${stats.dev}:${stats.ino}`;
      const first = this.#firstNames.get(key);
      if (first === undefined) this.#firstNames.set(key, entry);
      // The size stays: daemons compare it, and make the link again when it differs.
      else entry = { ...entry, linkname: first.path, content: undefined };
    }
    return entry;
  }
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
