import { parseConstraint, versionMatches, type TarEntryType } from '@melange2/apk';
import { diagnostic, type Diagnostic } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import type { PackageScan, ScannedEntry } from './scan-package.ts';

/** What is at a path of the root once all packages are installed. */
export interface RootNode {
  readonly type: TarEntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly size: number;
  readonly linkName: string;
  readonly sha1: string;
  /** The package it is from and its name there; absent for directories that only follow from what is in them. */
  readonly from?: { readonly package: number; readonly entry: ScannedEntry };
}

/** What has to differ from the package's own archive for its files to get where they belong. */
export type EntryEdit =
  | { readonly kind: 'drop' }
  | {
      readonly kind: 'change';
      readonly name?: string;
      readonly linkName?: string;
      readonly uid?: number;
      readonly gid?: number;
      /** The name of a hard link whose file is dropped becomes the file. */
      readonly asFileOf?: string;
    };

export interface RootPlan {
  /** By path, without slashes at its ends. The root itself is not in it. */
  readonly nodes: ReadonlyMap<string, RootNode>;
  /** For each package, what differs from its archive, by position of the entry; empty where the archive does as it is. */
  readonly edits: readonly ReadonlyMap<number, EntryEdit>[];
  /** Files of each package that are another package's in the end: position of the entry to that package. */
  readonly lost: readonly ReadonlyMap<number, number>[];
  /**
   * Directories that packages ship with different owners, modes or times, and those that a package has files in and does
   * not ship: the order of layers, or the moment they are unpacked, would decide.
   */
  readonly disputed: ReadonlySet<string>;
  /** Entries whose names would delete files when they are applied as a layer. */
  readonly whiteoutNames: readonly ReadonlySet<number>[];
  readonly diagnostics: readonly Diagnostic[];
}

interface Claim {
  readonly package: number;
  readonly position: number;
  readonly entry: ScannedEntry;
}

/**
 * Works out the root that installing `packages` one after the other gives, from their file lists alone.
 *
 * As apk and apko have it: a directory that is a link stays a link and what is below it goes where it points; a file
 * that two packages have belongs to the one that replaces the other, or to the later one of the same origin, or is the
 * same; the first package decides owner and mode of a directory. Otherwise than in apk a link counts also when its
 * package is installed after one that has a directory in its place, so the order of unrelated packages does not matter.
 * Files at the top whose names begin with a dot are left out.
 */
export function planRoot(packages: readonly PackageScan[]): RootPlan {
  const nodes = new Map<string, RootNode>();
  const claims = new Map<string, Claim>();
  /** Of paths that several entries have: all those that are in some layer. */
  const rivals = new Map<string, Claim[]>();
  const edits: Map<number, EntryEdit>[] = packages.map(() => new Map());
  const lost = packages.map(() => new Map<number, number>());
  const whiteoutNames = packages.map(() => new Set<number>());
  const disputed = new Set<string>();
  const conflicts = new Map<string, { path: string; first: number; second: number; more: number }>();

  const resolved = new Map<string, string>();
  const resolveDirectory = (path: string, depth = 0): string => {
    if (path === '') return '';
    const known = resolved.get(path);
    if (known !== undefined) return known;
    const slash = path.lastIndexOf('/');
    const parent = resolveDirectory(slash === -1 ? '' : path.slice(0, slash), depth);
    const own = join(parent, path.slice(slash + 1));
    const node = nodes.get(own);
    const target = node?.type === 'symlink' && depth < 40 ? linkTarget(own, node.linkName) : undefined;
    const result = target === undefined ? own : resolveDirectory(target, depth + 1);
    resolved.set(path, result);
    return result;
  };
  const place = (name: string): string => {
    const slash = name.lastIndexOf('/');
    return slash === -1 ? name : join(resolveDirectory(name.slice(0, slash)), name.slice(slash + 1));
  };
  const makeDirectories = (path: string): void => {
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      const directory = path.slice(0, slash);
      if (!nodes.has(directory)) nodes.set(directory, impliedDirectory);
    }
  };
  const conflict = (path: string, first: number, second: number): void => {
    const key = `${first} ${second}`;
    const known = conflicts.get(key);
    if (known === undefined) conflicts.set(key, { path, first, second, more: 0 });
    else known.more++;
  };

  for (const { path, claim } of linksInPlaceOfDirectories(packages)) {
    const at = place(path);
    if (nodes.has(at)) continue;
    nodes.set(at, nodeOf(claim.entry, claim.package));
    claims.set(at, claim);
    resolved.clear();
  }
  for (const path of claims.keys()) {
    const target = resolveDirectory(path);
    makeDirectories(`${target}/`);
  }

  // Each a function of its own: V8 takes 8 MB to optimize them as one.
  const addDirectory = ({ index, own, placed }: Arrival, { entry, position, name, at }: Arriving): void => {
    const target = resolveDirectory(name);
    const existing = nodes.get(target);
    placed.set(name, target);
    if (target !== at) own.set(position, { kind: 'drop' });
    else if (at !== entry.name) own.set(position, { kind: 'change', name: at });
    if (existing === undefined || (existing.type === 'directory' && existing.from === undefined)) {
      // Through a link, the directory behind it is somebody else's to describe.
      if (target === at) {
        makeDirectories(target);
        nodes.set(target, nodeOf(entry, index));
        resolved.delete(target);
      } else if (existing === undefined) {
        makeDirectories(`${target}/`);
      }
    } else if (existing.type !== 'directory') {
      conflict(target, existing.from?.package ?? index, index);
    } else if (
      target === at &&
      (existing.mode !== entry.mode ||
        existing.uid !== entry.uid ||
        existing.gid !== entry.gid ||
        existing.mtime !== entry.mtime)
    ) {
      disputed.add(target);
    }
  };
  const addFile = ({ index, scan, own, placed }: Arrival, { entry, position, name, at }: Arriving): void => {
    const linkName = entry.type === 'hardLink' ? placed.get(cleanName(entry.linkName)) : undefined;
    const change: EntryEdit = {
      kind: 'change',
      ...(at === entry.name ? {} : { name: at }),
      ...(linkName === undefined || linkName === entry.linkName ? {} : { linkName }),
    };
    const claim: Claim = { package: index, position, entry };
    const holder = claims.get(at);
    const existing = nodes.get(at);
    const take = (): void => {
      makeDirectories(at);
      nodes.set(at, nodeOf(entry, index));
      claims.set(at, claim);
      placed.set(name, at);
      if (change.name !== undefined || change.linkName !== undefined) own.set(position, change);
      if (entry.type === 'symlink') resolved.clear();
    };
    if (existing === undefined || (holder?.package === index && holder.position === position)) {
      take();
      return;
    }
    if (existing.type === 'directory' || holder === undefined) {
      conflict(at, firstOwner(nodes, at) ?? index, index);
      return;
    }
    const verdict = judge(packages[holder.package], holder.entry, scan, entry);
    if (verdict === 'conflict') {
      conflict(at, holder.package, index);
      return;
    }
    if (verdict !== 'first') rivals.set(at, [...(rivals.get(at) ?? [holder]), claim]);
    if (verdict === 'second') take();
    else {
      placed.set(name, at);
      if (verdict === 'first') {
        lost[index]?.set(position, holder.package);
        own.set(position, { kind: 'drop' });
      } else if (change.name !== undefined || change.linkName !== undefined) own.set(position, change);
    }
  };
  const addEntry = (arrival: Arrival, position: number, entry: ScannedEntry): void => {
    const name = cleanName(entry.name);
    const isHidden = !name.includes('/') && name.startsWith('.');
    if (name === '' || isHidden) {
      if (isHidden || entry.name !== name) arrival.own.set(position, { kind: 'drop' });
      return;
    }
    if (baseName(name).startsWith('.wh.')) whiteoutNames[arrival.index]?.add(position);
    const arriving = { entry, position, name, at: place(name) };
    if (entry.type === 'directory') addDirectory(arrival, arriving);
    else addFile(arrival, arriving);
  };

  for (const [index, scan] of packages.entries()) {
    const own = edits[index] ?? new Map<number, EntryEdit>();
    const placed = new Map<string, string>();
    const arrival = { index, scan, own, placed };
    for (const [position, entry] of scan.entries.entries()) addEntry(arrival, position, entry);
    const shipped = new Set<string>();
    for (const [position, { type, name }] of scan.entries.entries()) {
      const at = type === 'directory' ? placed.get(cleanName(name)) : undefined;
      if (at !== undefined && own.get(position)?.kind !== 'drop') shipped.add(at);
    }
    for (const at of placed.values()) {
      const slash = at.lastIndexOf('/');
      const parent = at.slice(0, slash);
      if (slash !== -1 && !shipped.has(parent)) disputed.add(parent);
    }
    keepHardLinks(scan.entries, own, placed);
  }

  for (const [path, all] of rivals) {
    const winner = claims.get(path);
    if (winner === undefined) continue;
    for (const claim of all) {
      if (!isAlike(claim.entry, winner.entry)) lost[claim.package]?.set(claim.position, winner.package);
    }
  }

  return {
    nodes,
    edits,
    lost,
    disputed,
    whiteoutNames,
    diagnostics: [...conflicts.values()].map(({ path, first, second, more }) =>
      diagnostic(errors, 'ENVIRONMENT_FILE_CONFLICT', {
        path: `/${path}`,
        first: label(packages[first]),
        second: label(packages[second]),
        more,
      }),
    ),
  };
}

/** A package whose entries are put into the root. */
interface Arrival {
  readonly index: number;
  readonly scan: PackageScan;
  readonly own: Map<number, EntryEdit>;
  /** Where each name of the package ended up; nothing for those left out. */
  readonly placed: Map<string, string>;
}

/** One of its entries: `name` is the clean one, `at` its place behind the links in its path. */
interface Arriving {
  readonly entry: ScannedEntry;
  readonly position: number;
  readonly name: string;
  readonly at: string;
}

const impliedDirectory: RootNode = {
  type: 'directory',
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtime: 0,
  size: 0,
  linkName: '',
  sha1: '',
};

function nodeOf(entry: ScannedEntry, index: number): RootNode {
  const { type, mode, uid, gid, mtime, size, linkName, sha1 } = entry;
  return { type, mode, uid, gid, mtime, size, linkName, sha1, from: { package: index, entry } };
}

/** Links of one package in whose place another package has a directory: `bin` of a merged layout, shortest first. */
function linksInPlaceOfDirectories(packages: readonly PackageScan[]): { path: string; claim: Claim }[] {
  const links = new Map<string, Claim>();
  for (const [index, { entries }] of packages.entries()) {
    for (const [position, entry] of entries.entries()) {
      const path = cleanName(entry.name);
      if (entry.type === 'symlink' && !links.has(path)) links.set(path, { package: index, position, entry });
    }
  }
  const found = new Set<string>();
  for (const [index, { entries }] of packages.entries()) {
    for (const entry of entries) {
      const name = cleanName(entry.name);
      const end = entry.type === 'directory' ? name.length : name.lastIndexOf('/');
      for (let slash = end; slash > 0; slash = name.lastIndexOf('/', slash - 1)) {
        const path = name.slice(0, slash);
        const link = links.get(path);
        if (link !== undefined && link.package !== index) found.add(path);
      }
    }
  }
  // What such a link points to may lead through further links: those of the merged layout itself.
  for (const path of found) {
    const target = linkTarget(path, links.get(path)?.entry.linkName ?? '');
    for (let slash = target.length; slash > 0; slash = target.lastIndexOf('/', slash - 1)) {
      if (links.has(target.slice(0, slash))) found.add(target.slice(0, slash));
    }
  }
  return [...found]
    .toSorted((a, b) => a.split('/').length - b.split('/').length || (a < b ? -1 : 1))
    .flatMap((path) => {
      const claim = links.get(path);
      return claim === undefined ? [] : [{ path, claim }];
    });
}

/** Whose file it is when two packages have one; `same` when it makes no difference. */
function judge(
  holder: PackageScan | undefined,
  first: ScannedEntry,
  comer: PackageScan,
  second: ScannedEntry,
): 'first' | 'second' | 'same' | 'conflict' {
  if (holder === undefined) return 'second';
  if (isAlike(first, second)) return 'same';
  if (hasSameContent(first, second)) return 'first';
  const keeps = replaces(holder, comer);
  const takes = replaces(comer, holder) || (holder.info.origin ?? '') === (comer.info.origin ?? '');
  if (keeps && takes) {
    return (holder.info.replacesPriority ?? 0) > (comer.info.replacesPriority ?? 0) ? 'first' : 'second';
  }
  return keeps ? 'first' : takes ? 'second' : 'conflict';
}

function hasSameContent(a: ScannedEntry, b: ScannedEntry): boolean {
  return kindOf(a) === kindOf(b) && a.sha1 === b.sha1 && a.sha1 !== '';
}

/** Whether it makes no difference which of the two is there. */
function isAlike(a: ScannedEntry, b: ScannedEntry): boolean {
  return hasSameContent(a, b) && a.mode === b.mode && a.uid === b.uid && a.gid === b.gid;
}

/** A hard link is a file under another name. */
function kindOf({ type }: ScannedEntry): TarEntryType {
  return type === 'hardLink' ? 'file' : type;
}

function replaces(one: PackageScan, other: PackageScan): boolean {
  return one.info.replaces.some((text) => {
    const constraint = parseConstraint(text);
    return constraint?.name === other.info.name && versionMatches(other.info.version, constraint);
  });
}

/** Links of a dropped file would point to what is not there: the first that stays becomes the file. */
function keepHardLinks(
  entries: readonly ScannedEntry[],
  edits: Map<number, EntryEdit>,
  placed: ReadonlyMap<string, string>,
): void {
  const dropped = new Map<string, number>();
  for (const [position, entry] of entries.entries()) {
    if (entry.type === 'file' && edits.get(position)?.kind === 'drop')
      dropped.set(cleanName(entry.name), position);
  }
  if (dropped.size === 0) return;
  const heirs = new Map<string, string>();
  for (const [position, entry] of entries.entries()) {
    const target = cleanName(entry.linkName);
    const source = entry.type === 'hardLink' ? dropped.get(target) : undefined;
    const before = edits.get(position);
    if (source === undefined || before?.kind === 'drop') continue;
    const heir = heirs.get(target);
    const at = placed.get(cleanName(entry.name)) ?? entry.name;
    if (heir === undefined) {
      heirs.set(target, at);
      edits.set(source, { kind: 'change', name: at });
      edits.set(position, { kind: 'drop' });
    } else edits.set(position, { ...(before ?? { kind: 'change' }), linkName: heir });
  }
}

function firstOwner(nodes: ReadonlyMap<string, RootNode>, path: string): number | undefined {
  const own = nodes.get(path)?.from?.package;
  if (own !== undefined) return own;
  for (const [other, node] of nodes) {
    if (other.startsWith(`${path}/`) && node.from !== undefined) return node.from.package;
  }
  return undefined;
}

function label(scan: PackageScan | undefined): string {
  return scan === undefined ? 'a package' : `${scan.info.name}-${scan.info.version}`;
}

/** Names of entries without `./` in front and `/` at the ends. */
export function cleanName(name: string): string {
  if (!name.startsWith('.') && !name.startsWith('/') && !name.endsWith('/') && !name.includes('//'))
    return name;
  return name
    .split('/')
    .filter((part, i) => part !== '' && !(part === '.' && i === 0))
    .join('/');
}

function join(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The path that a link at `path` points to, inside the root. */
export function linkTarget(path: string, target: string): string {
  const start = target.startsWith('/') ? [] : path.split('/').slice(0, -1);
  const out = [...start];
  for (const part of target.split('/')) {
    if (part === '..') out.pop();
    else if (part !== '' && part !== '.') out.push(part);
  }
  return out.join('/');
}
