import { createHash, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  packageTree,
  readTar,
  XATTR_PREFIX,
  type ByteStream,
  type PackageTree,
  type TarEntry,
  type TarHeader,
  type TreeEntry,
} from '@melange2/apk';
import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { rootOnly, type OwnerNames } from './owner-names.ts';
import { SpoolFile } from './spool-file.ts';

export interface ReceiveOptions {
  /** Folders to take, one a package. Everything else in the stream is passed over. */
  readonly packages: readonly string[];
  /** An existing folder for the temporary file that contents wait in. */
  readonly spoolDir: string;
  /** Path of the folder with the packages in the stream, such as `melange-out`. Default its top. */
  readonly prefix?: string;
  /** User and group of the steps, which own nothing in a package: their files become root's. Default 1000 and 1000. */
  readonly buildUser?: { readonly uid: number; readonly gid: number };
  /** Names that go beside the numbers of owners. Default only root's. */
  readonly owners?: OwnerNames;
  /**
   * Takes what lies outside of `prefix`, such as logs, folders excepted; of a file it has to read the content before it
   * resolves. A hard link comes after the file that it is another name of.
   */
  readonly onOther?: (entry: TarEntry) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** The trees of a build, with their contents in a temporary file. */
export interface ReceivedTrees {
  /** By package. A package whose folder was not in the stream has an empty tree. */
  readonly trees: ReadonlyMap<string, PackageTree>;
  /** Bytes of all contents. */
  readonly contentBytes: number;
  /** Lets the temporary file go; the trees cannot be read any more. */
  readonly close: () => Promise<void>;
}

/** Attributes of the machine that the build ran on, not of the files. */
const droppedAttributes: ReadonlySet<string> = new Set([
  'com.apple.provenance',
  'com.docker.grpcfuse.ownership',
  'security.csm',
  'security.selinux',
  'trusted.SGI_ACL_FILE',
  'trusted.SGI_ACL_DEFAULT',
]);
const droppedPrefixes = ['trusted.overlay.', 'user.overlay.'];

/**
 * Receives what a build left behind as one tar stream, and parts it into a tree for each package.
 *
 * Owners, modes with setuid, links, devices and extended attributes are those of the stream; contents go to
 * one temporary file, so that memory holds no more than a chunk. A link to a file of another package becomes
 * a copy. Symlinks have no attributes.
 *
 * @throws {BuildError} PACKAGE_OUTPUT_INVALID, PACKAGE_WRITE_FAILED, TAR_INVALID, TAR_TRUNCATED; the signal's reason.
 */
export async function receiveTrees(stream: ByteStream, options: ReceiveOptions): Promise<ReceivedTrees> {
  const { packages, signal } = options;
  const spool = await SpoolFile.create(
    join(options.spoolDir, `.melange2-${randomBytes(8).toString('hex')}.spool`),
  );
  try {
    const lists = new Map<string, TreeEntry[]>(packages.map((name) => [name, []]));
    const files = new Map<string, TreeEntry>();
    // Where a file of another package has been copied to, by package and archived path of the file.
    const copies = new Map<string, string>();
    for await (const entry of readTar(stream, { archive: 'melange-out' })) {
      signal?.throwIfAborted();
      const archived = normalise(entry.name);
      const place = placeOf(archived, options);
      if (entry.type === 'hardLink') {
        const target = normalise(entry.linkName);
        const file = files.get(target);
        // Both names lie outside: whoever takes those files has had the first one.
        if (file === undefined && options.onOther !== undefined && isOutside(archived, options)) {
          await options.onOther(entry);
          continue;
        }
        if (file === undefined) {
          const why = `is a hard link to ${entry.linkName}, which did not come before it`;
          throw buildError(errors, 'PACKAGE_OUTPUT_INVALID', { path: entry.name, why });
        }
        files.set(archived, file);
        if (place === undefined) continue;
        const there = placeOf(target, options);
        const key = `${place.package}\0${target}`;
        const linkName = there?.package === place.package ? there.path : copies.get(key);
        const own = { ...file.header, name: place.path };
        const header: TarHeader =
          linkName === undefined ? own : { ...own, type: 'hardLink', size: 0, linkName };
        if (linkName === undefined) copies.set(key, place.path);
        lists.get(place.package)?.push({ ...file, header });
        continue;
      }
      if (place === undefined && entry.type === 'directory') continue;
      if (options.onOther !== undefined && isOutside(archived, options)) {
        await options.onOther(entry);
        continue;
      }
      const header = withOwner(headerOf(entry, place?.path ?? archived), options);
      const received = entry.type === 'file' ? await spooled(entry, header, spool) : { header };
      if (entry.type !== 'directory') files.set(archived, received);
      if (place !== undefined) lists.get(place.package)?.push(received);
    }
    await spool.flush();
    const trees = new Map([...lists].map(([name, list]) => [name, makeTree(name, list)]));
    return { trees, contentBytes: spool.size, close: () => spool.close() };
  } catch (error) {
    await spool.close();
    throw error;
  }
}

function isOutside(archived: string, { prefix = '' }: ReceiveOptions): boolean {
  const top = normalise(prefix);
  return top !== '' && !archived.startsWith(`${top}/`);
}

/** Which package a path of the stream belongs to, and where in it. */
function placeOf(
  archived: string,
  { packages, prefix = '' }: ReceiveOptions,
): { readonly package: string; readonly path: string } | undefined {
  const top = normalise(prefix);
  if (top !== '' && !archived.startsWith(`${top}/`)) return undefined;
  const path = top === '' ? archived : archived.slice(top.length + 1);
  const slash = path.indexOf('/');
  const name = path.slice(0, Math.max(0, slash));
  return packages.includes(name) ? { package: name, path: path.slice(slash + 1) } : undefined;
}

async function spooled(entry: TarEntry, header: TarHeader, spool: SpoolFile): Promise<TreeEntry> {
  const offset = spool.size;
  const hash = createHash('sha1');
  for await (const chunk of entry.content) {
    hash.update(chunk);
    const written = spool.append(chunk);
    if (written !== undefined) await written;
  }
  return { header, content: spool.range(offset, entry.size), sha1: hash.digest('hex') };
}

function headerOf(entry: TarEntry, name: string): TarHeader {
  const { type, mode, uid, gid, size, mtime, linkName, devMajor, devMinor } = entry;
  const pax = entry.pax.filter(([key]) => {
    if (!key.startsWith(XATTR_PREFIX) || type === 'symlink') return false;
    const attribute = key.slice(XATTR_PREFIX.length);
    return !droppedAttributes.has(attribute) && !droppedPrefixes.some((p) => attribute.startsWith(p));
  });
  return { name, type, mode, uid, gid, uname: '', gname: '', size, mtime, linkName, devMajor, devMinor, pax };
}

function withOwner(header: TarHeader, { buildUser, owners = rootOnly }: ReceiveOptions): TarHeader {
  const uid = header.uid === (buildUser?.uid ?? 1000) ? 0 : header.uid;
  const gid = header.gid === (buildUser?.gid ?? 1000) ? 0 : header.gid;
  return { ...header, uid, gid, uname: owners.users.get(uid) ?? '', gname: owners.groups.get(gid) ?? '' };
}

function makeTree(name: string, entries: readonly TreeEntry[]): PackageTree {
  try {
    return packageTree(entries);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const details = { path: name, why: `cannot be taken: ${cause.message}` };
    throw buildError(errors, 'PACKAGE_OUTPUT_INVALID', details, { cause });
  }
}

function normalise(name: string): string {
  return name
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}
