import { createHash } from 'node:crypto';
import type { ByteSource } from './byte-source.ts';
import { readRange } from './byte-source.ts';
import { gzipParallel } from './gzip-parallel.ts';
import type { SigningKey } from './keys.ts';
import { formatPackageInfo, parsePackageInfo, type PackageInfo } from './package-info.ts';
import type { PackageTree, TreeEntry } from './package-tree.ts';
import { compareBytes, encodePath } from './path-text.ts';
import { signatureMember } from './signature-member.ts';
import { CHECKSUM_RECORD, tarHeader, XATTR_PREFIX, type PaxRecord } from './tar-header.ts';
import { writeTar, type TarInput } from './write-tar.ts';

/** What a directory adds to the installed size: that of most file systems, whatever the one of the build. */
export const directoryBytes = 4096;

/** Holds the compressed data of a package until its control member, which stands in front, is known. */
export interface Spool {
  readonly write: (chunk: Uint8Array) => Promise<void> | void;
  readonly read: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** A spool in memory. A package of many megabytes wants one on disk. */
export function memorySpool(): Spool {
  const chunks: Uint8Array[] = [];
  return { write: (chunk) => void chunks.push(chunk), read: () => chunks };
}

export interface WritePackageOptions {
  readonly tree: PackageTree;
  /** Everything but `installedSize` and `dataHash`, which come from the tree. */
  readonly info: Omit<PackageInfo, 'installedSize' | 'dataHash'>;
  /** Text of scripts by their names in the control member, such as `.post-install`; empty ones are left out. */
  readonly scripts?: ReadonlyMap<string, string>;
  /** Text of `.melange.yaml`: the compiled build file. Left out when absent. */
  readonly buildFile?: string;
  /** Time of every file, in seconds since 1970. */
  readonly sourceDateEpoch: number;
  /** Signs the package; without a key it has no signature member. */
  readonly key?: SigningKey;
  /** Where the compressed data wait. Default in memory. */
  readonly spool?: Spool;
}

/** A package that is ready to be written. */
export interface WrittenPackage {
  /** As a reader of the package will see it. */
  readonly info: PackageInfo;
  /** `Q1` and base64 SHA-1 of the control member. */
  readonly identity: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Hex SHA-256 of the whole file. */
  readonly sha256: string;
  /** The bytes of the file: signature, control, data. */
  readonly read: () => AsyncGenerator<Uint8Array, void, undefined>;
}

/**
 * Makes a package of a tree and what describes it.
 *
 * Equal input gives equal bytes: entries in walk order, one time for all, a pinned compressor. Owners, modes,
 * links, devices and extended attributes are archived as the tree has them; other PAX records are not.
 */
export async function writePackage(options: WritePackageOptions): Promise<WrittenPackage> {
  const { tree, sourceDateEpoch, key, spool = memorySpool() } = options;
  const dataHash = createHash('sha256');
  let dataBytes = 0;
  for await (const chunk of dataMember(tree, sourceDateEpoch)) {
    dataHash.update(chunk);
    dataBytes += chunk.length;
    await spool.write(chunk);
  }
  const text = formatPackageInfo({
    ...options.info,
    installedSize: installedSize(tree),
    dataHash: dataHash.digest('hex'),
  });
  const control = await controlMember(text, options);
  const head =
    key === undefined ? [control] : [await signatureMember(key, control, sourceDateEpoch), control];
  const whole = createHash('sha256');
  for (const part of head) whole.update(part);
  for await (const chunk of spool.read()) whole.update(chunk);
  return {
    info: parsePackageInfo(text),
    identity: `Q1${createHash('sha1').update(control).digest('base64')}`,
    size: head.reduce((sum, part) => sum + part.length, dataBytes),
    sha256: whole.digest('hex'),
    read: async function* () {
      yield* head;
      yield* spool.read();
    },
  };
}

/** Bytes that a tree takes when installed: contents (a file of two names twice), link targets, directories with the root. */
export function installedSize(tree: PackageTree): number {
  let total = directoryBytes;
  for (const { header, content } of tree.entries) {
    if (header.type === 'directory') total += directoryBytes;
    else if (header.type === 'symlink') total += encodePath(header.linkName).length;
    else total += content?.size ?? 0;
  }
  return total;
}

/** Writes the data member: a compressed tar of the tree, with end blocks. */
export async function* dataMember(
  tree: PackageTree,
  sourceDateEpoch: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* gzipParallel(writeTar(dataEntries(tree, sourceDateEpoch)));
}

async function* dataEntries(tree: PackageTree, mtime: number): AsyncGenerator<TarInput, void, undefined> {
  for (const entry of tree.entries) {
    const pax: PaxRecord[] = entry.header.pax.filter(([name]) => name.startsWith(XATTR_PREFIX));
    const checksum = await checksumOf(entry);
    if (checksum !== undefined) pax.push([CHECKSUM_RECORD, Buffer.from(checksum)]);
    const header = { ...entry.header, mtime, pax };
    if (header.type !== 'file' || entry.content === undefined) yield { header };
    else yield { header, content: readRange(entry.content, 0, entry.content.size) };
  }
}

async function checksumOf(entry: TreeEntry): Promise<string | undefined> {
  const { header, content, sha1 } = entry;
  if (header.type === 'symlink') return createHash('sha1').update(encodePath(header.linkName)).digest('hex');
  if (header.type !== 'file' && header.type !== 'hardLink') return undefined;
  return sha1 ?? (await hashContent(content));
}

async function hashContent(content: ByteSource | undefined): Promise<string> {
  const hash = createHash('sha1');
  if (content !== undefined)
    for await (const chunk of readRange(content, 0, content.size)) hash.update(chunk);
  return hash.digest('hex');
}

async function controlMember(
  info: string,
  { scripts, buildFile, sourceDateEpoch }: WritePackageOptions,
): Promise<Uint8Array> {
  const files: [name: string, mode: number, text: string][] = [
    ['.PKGINFO', 0o644, info],
    ...(buildFile === undefined ? [] : [['.melange.yaml', 0o644, buildFile] as [string, number, string]]),
    ...[...(scripts ?? [])]
      .filter(([, text]) => text !== '')
      .map(([name, text]): [string, number, string] => [name, 0o755, text]),
  ];
  const entries = files
    .toSorted(([a], [b]) => compareBytes(a, b))
    .map(([name, mode, text]): TarInput => {
      const content = Buffer.from(text);
      const root = { uname: 'root', gname: 'root', mtime: sourceDateEpoch };
      return { header: tarHeader({ name, mode, size: content.length, ...root }), content };
    });
  const parts: Uint8Array[] = [];
  for await (const chunk of gzipParallel(writeTar(entries, { end: false }))) parts.push(chunk);
  return Buffer.concat(parts);
}
