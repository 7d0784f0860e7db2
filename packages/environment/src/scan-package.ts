import { createHash, type Hash } from 'node:crypto';
import {
  CHECKSUM_RECORD,
  packageData,
  paxValue,
  readTar,
  type ApkPackage,
  type PackageInfo,
  type TarEntry,
  type TarEntryType,
} from '@melange2/apk';
import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { readSoname, SharedLibraryReader, type SharedLibrary } from './shared-library.ts';

/** One file of a package, as its archive has it. */
export interface ScannedEntry {
  readonly name: string;
  readonly type: TarEntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
  readonly size: number;
  readonly mtime: number;
  readonly linkName: string;
  /** Hex SHA-1 of a file's content or of a symlink's target. */
  readonly sha1: string;
}

/** All that is known of a package without looking at its file again. */
export interface PackageScan {
  readonly identity: string;
  readonly fileSize: number;
  readonly info: PackageInfo;
  /** The data member: a gzip'd tar, which is the layer of an OCI image as it stands. `sha256` is hex. */
  readonly data: { readonly offset: number; readonly length: number; readonly sha256: string };
  /** Hex SHA-256 of the unpacked data member. */
  readonly diffId: string;
  readonly entries: readonly ScannedEntry[];
  /** Executable files of the control member: scripts. */
  readonly scripts: readonly { readonly name: string; readonly base64: string }[];
  /** Base64 contents of the small files that the overlay is made from, by path. */
  readonly texts: Readonly<Record<string, string>>;
  /** Shared libraries by path. */
  readonly libraries: Readonly<Record<string, SharedLibrary>>;
}

const keptTexts =
  /^(?:etc\/(?:passwd|group|shadow|os-release|ld\.so\.conf|ld\.so\.conf\.d\/[^/]+|busybox-paths\.d\/[^/]+|ssl\/certs\/ca-certificates\.crt)|usr\/lib\/os-release)$/;
const libraryName = /(?:^|\/)(?:lib[^/]*\.so[^/]*|ld-[^/]*\.so[^/]*)$/;
const plainName = /^[A-Za-z0-9][A-Za-z0-9._+~-]*$/;
const leadsOut = /^\/|(?:^|\/)\.\.(?:\/|$)|[\u0000-\u001f\u007f]/;
const maxTextBytes = 1024 * 1024;
const maxLibraryBytes = 512 * 1024 * 1024;

/**
 * Unpacks the data of an opened package once, in memory, and notes what environments need to know of it.
 *
 * @throws {BuildError} ENVIRONMENT_PACKAGE_UNUSABLE, GZIP_INVALID, TAR_INVALID, TAR_TRUNCATED, APK_INVALID
 */
export async function scanPackage(pkg: ApkPackage, signal?: AbortSignal): Promise<PackageScan> {
  const { info } = pkg;
  const unusable = (why: string): Error =>
    buildError(errors, 'ENVIRONMENT_PACKAGE_UNUSABLE', {
      package: JSON.stringify(`${info.name}-${info.version}`).slice(1, -1),
      why,
    });
  // Files are named after packages, so their names must not lead elsewhere.
  if (!plainName.test(info.name) || !plainName.test(info.version)) {
    throw unusable('its name or version has characters that apk does not allow');
  }
  if (info.dataHash === undefined) {
    throw unusable('its .PKGINFO has no datahash, so its files cannot be checked');
  }
  const unpacked = createHash('sha256');
  const entries: ScannedEntry[] = [];
  const texts: Record<string, string> = {};
  const libraries: Record<string, SharedLibrary> = {};
  const missed = new Map<string, number>();
  const known = new Map<string, string>();
  for await (const entry of readTar(hashed(packageData(pkg), unpacked, signal), { archive: pkg.file })) {
    const { name, type, mode, uid, gid, uname, gname, size, mtime, linkName } = entry;
    for (const path of type === 'hardLink' ? [name, linkName] : [name]) {
      if (leadsOut.test(path)) throw unusable(`its archive has the path ${JSON.stringify(path)}`);
    }
    const isText = type === 'file' && keptTexts.test(name) && size <= maxTextBytes;
    const isLibrary = type === 'file' && libraryName.test(name) && size <= maxLibraryBytes;
    let sha1 = checksumOf(entry);
    if (isText) {
      const bytes = await entry.bytes();
      texts[name] = Buffer.from(bytes).toString('base64');
      sha1 ??= createHash('sha1').update(bytes).digest('hex');
    } else if (type === 'file' && (isLibrary || sha1 === undefined)) {
      const hash = sha1 === undefined ? createHash('sha1') : undefined;
      const reader = isLibrary ? new SharedLibraryReader() : undefined;
      for await (const chunk of entry.content) {
        hash?.update(chunk);
        reader?.add(chunk);
      }
      const library = reader?.result();
      if (library !== undefined) libraries[name] = library;
      if (reader?.missed !== undefined) missed.set(name, reader.missed);
      sha1 ??= hash?.digest('hex');
    }
    if (type === 'symlink') sha1 ??= createHash('sha1').update(linkName).digest('hex');
    if (type === 'hardLink') sha1 = known.get(linkName);
    known.set(name, sha1 ?? '');
    entries.push({ name, type, mode, uid, gid, uname, gname, size, mtime, linkName, sha1: sha1 ?? '' });
  }
  if (missed.size > 0) {
    for await (const { name, content } of readTar(packageData(pkg), { archive: pkg.file })) {
      const at = missed.get(name);
      const soname = at === undefined ? undefined : await readSoname(content, at);
      const library = libraries[name];
      if (library !== undefined && soname !== undefined) libraries[name] = { ...library, soname };
    }
  }
  return {
    identity: pkg.identity,
    fileSize: pkg.source.size,
    info,
    data: { ...pkg.data, sha256: info.dataHash.toLowerCase() },
    diffId: unpacked.digest('hex'),
    entries,
    scripts: pkg.controlFiles
      .filter((f) => f.type === 'file' && (f.mode & 0o555) === 0o555)
      .map((f) => ({ name: f.name.replace(/^\./, ''), base64: Buffer.from(f.bytes).toString('base64') })),
    texts,
    libraries,
  };
}

async function* hashed(
  source: AsyncIterable<Uint8Array>,
  hash: Hash,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let last: Uint8Array | undefined;
  for await (const chunk of source) {
    signal?.throwIfAborted();
    // Streams that unpack cut several chunks from one piece of memory, and are done with it when they take another.
    if (last?.buffer !== chunk.buffer) release(last);
    last = chunk;
    hash.update(chunk);
    yield chunk;
  }
  release(last);
}

/**
 * Gives the memory of a chunk back now. Hundreds of megabytes pass when an environment is unpacked, and what waits to be
 * collected is most of what a build would need. Small chunks are cut from a pool that others cut from too.
 */
function release(chunk: Uint8Array | undefined): void {
  const memory = chunk?.buffer;
  if (memory instanceof ArrayBuffer && memory.byteLength > Buffer.poolSize) memory.transfer(0);
}

/** Early packages have `Q1` and base64 where later ones have hex. */
function checksumOf(entry: TarEntry): string | undefined {
  const value = paxValue(entry.pax, CHECKSUM_RECORD);
  if (value === undefined) return undefined;
  const text = Buffer.from(value).toString('latin1');
  if (/^[0-9a-f]{40}$/i.test(text)) return text.toLowerCase();
  return text.startsWith('Q1') ? Buffer.from(text.slice(2), 'base64').toString('hex') : undefined;
}

const types: readonly TarEntryType[] = [
  'file',
  'directory',
  'symlink',
  'hardLink',
  'characterDevice',
  'blockDevice',
  'fifo',
];

const scanFormat = 2;

/** Writes a scan as text: entries as rows, so that ten thousand files stay quick to read. */
export function formatScan(scan: PackageScan, mtimeMs: number): string {
  const entries = scan.entries.map((e) => [
    e.name,
    types.indexOf(e.type),
    e.mode,
    e.uid,
    e.gid,
    e.uname,
    e.gname,
    e.size,
    e.mtime,
    e.linkName,
    e.sha1,
  ]);
  return JSON.stringify({ format: scanFormat, mtimeMs, ...scan, entries });
}

type Row = readonly [string, number, number, number, number, string, string, number, number, string, string];

/** Reads what {@link formatScan} wrote; `undefined` when it is of another format or damaged. */
export function parseScan(
  text: string,
): { readonly scan: PackageScan; readonly mtimeMs: number } | undefined {
  let read: { readonly format: number; readonly mtimeMs: number; readonly entries: readonly Row[] } & Omit<
    PackageScan,
    'entries'
  >;
  try {
    read = JSON.parse(text) as typeof read;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  const { format, mtimeMs, entries: rows, ...rest } = read;
  if (format !== scanFormat) return undefined;
  const entries = rows.map(
    ([name, type, mode, uid, gid, uname, gname, size, mtime, linkName, sha1]): ScannedEntry => ({
      name,
      type: types[type] ?? 'file',
      mode,
      uid,
      gid,
      uname,
      gname,
      size,
      mtime,
      linkName,
      sha1,
    }),
  );
  return { scan: { ...rest, entries }, mtimeMs };
}
