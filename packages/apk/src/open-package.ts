import { createHash } from 'node:crypto';
import { buildError } from '@melange2/diagnostics';
import { bytesSource, passRange, type ByteSource } from './byte-source.ts';
import { errors } from './errors.ts';
import { readGzipMembers, type GzipMember } from './gzip-members.ts';
import { parsePackageInfo, type PackageInfo } from './package-info.ts';
import { readTar, type TarEntry } from './read-tar.ts';
import { parseSignatureName, verifySignatures, type Keyring, type Signature } from './signature.ts';
import type { TarHeader } from './tar-header.ts';

/** Most that a signature or control member may unpack to. */
const smallChunkBytes = 4 * 1024;
const maxChunkBytes = 256 * 1024;
const maxControlBytes = 10 * 1024 * 1024;

/** One gzip member of a package. */
export interface PackageMember {
  readonly offset: number;
  readonly length: number;
  /** Hex, of the compressed bytes. */
  readonly sha1: string;
  /** Hex, of the compressed bytes. */
  readonly sha256: string;
}

/** Where the data member lies. Its SHA-256 is in `info.dataHash`, checked unless that was turned off. */
export interface DataMember {
  readonly offset: number;
  readonly length: number;
}

/** A small file of the control member. */
export interface ControlFile extends TarHeader {
  readonly bytes: Uint8Array;
}

/** An opened package: everything but its data, which is read from `source` when asked for. */
export interface ApkPackage {
  /** How errors name it. */
  readonly file: string;
  readonly source: ByteSource;
  /** Bytes of the whole file. */
  readonly size: number;
  readonly info: PackageInfo;
  /** `Q1` and the base64 SHA-1 of the compressed control member: what an index knows the package by. */
  readonly identity: string;
  readonly signatures: readonly Signature[];
  /** The key whose signature was found good; absent when no keyring was given. */
  readonly verifiedBy?: string;
  readonly signature?: PackageMember;
  readonly control: PackageMember;
  readonly data: DataMember;
  /** Files of the control member: `.PKGINFO`, scripts, `.melange.yaml`. */
  readonly controlFiles: readonly ControlFile[];
}

export interface OpenPackageOptions {
  /** Names the package in errors. */
  readonly file: string;
  /** Demands a good signature by one of these keys. */
  readonly keyring?: Keyring;
  /** Demands this identity, as the index has it. */
  readonly identity?: string;
  /** Whether the data member is hashed and compared. Default true; false only for what was checked before. */
  readonly checkData?: boolean;
}

/**
 * Opens a package: finds its members, reads the control files, and checks what protects them.
 *
 * Order of the checks: format, identity, signature, data hash. Nothing of the data is unpacked.
 *
 * @throws {BuildError} APK_INVALID, APK_V3_UNSUPPORTED, APK_IDENTITY_MISMATCH, APK_DATA_MISMATCH,
 * SIGNATURE_MISSING, SIGNATURE_KEY_UNKNOWN, SIGNATURE_INVALID, GZIP_INVALID, TAR_INVALID, TAR_TRUNCATED.
 */
export async function openPackage(source: ByteSource, options: OpenPackageOptions): Promise<ApkPackage> {
  const { file } = options;
  const invalid = (why: string): Error => buildError(errors, 'APK_INVALID', { file, why });
  const start = await source.read(0, Math.min(4, source.size));
  if (Buffer.from(start).toString('latin1', 0, 3) === 'ADB') {
    throw buildError(errors, 'APK_V3_UNSUPPORTED', { file });
  }

  let signature: PackageMember | undefined;
  let control: PackageMember | undefined;
  const signatures: Signature[] = [];
  let controlFiles: ControlFile[] = [];
  let hashes = memberHashes();
  const members = readGzipMembers(passRange(source, 0, source.size, 16 * 1024), {
    file,
    onCompressed: (bytes) => hashes.update(bytes),
    chunkBytes: smallChunkBytes,
  });
  for await (const member of members) {
    const files = await readControlFiles(member, file);
    const length = member.length();
    if (length === undefined) throw new Error('a member was not read to its end');
    const part: PackageMember = { offset: member.offset, length, ...hashes.digest() };
    hashes = memberHashes();
    if (member.index === 0 && (files[0]?.name ?? '').startsWith('.SIGN.')) {
      signature = part;
      for (const { name, bytes } of files) {
        const known = parseSignatureName(name);
        if (known !== undefined) signatures.push({ ...known, bytes });
      }
      continue;
    }
    control = part;
    controlFiles = files;
    break;
  }
  if (control === undefined) throw invalid('it has no control member');
  const dataOffset = control.offset + control.length;
  const data: DataMember = { offset: dataOffset, length: source.size - dataOffset };
  if (data.length === 0) throw invalid('it has no data member');
  const described = controlFiles.find((f) => f.name === '.PKGINFO');
  if (described === undefined) throw invalid('its control member has no .PKGINFO');
  const info = parsePackageInfo(Buffer.from(described.bytes).toString('utf8'));
  if (info.name === '' || info.version === '') throw invalid('its .PKGINFO gives no name or no version');

  const identity = `Q1${Buffer.from(control.sha1, 'hex').toString('base64')}`;
  if (options.identity !== undefined && options.identity !== identity) {
    throw buildError(errors, 'APK_IDENTITY_MISMATCH', { file, expected: options.identity, found: identity });
  }
  let verifiedBy: string | undefined;
  if (options.keyring !== undefined) {
    // Without a data hash, the signature is all that protects the data, and covers both members.
    const signedLength = info.dataHash === undefined ? control.length + data.length : control.length;
    const signed = passRange(source, control.offset, signedLength);
    verifiedBy = await verifySignatures(file, signatures, signed, options.keyring);
  }
  if ((options.checkData ?? true) && info.dataHash !== undefined) {
    const hash = createHash('sha256');
    for await (const chunk of passRange(source, data.offset, data.length)) hash.update(chunk);
    const found = hash.digest('hex');
    if (found !== info.dataHash.toLowerCase()) {
      throw buildError(errors, 'APK_DATA_MISMATCH', { file, expected: info.dataHash, found });
    }
  }
  return {
    file,
    source,
    size: source.size,
    info,
    identity,
    signatures,
    ...(verifiedBy === undefined ? {} : { verifiedBy }),
    ...(signature === undefined ? {} : { signature }),
    control,
    data,
    controlFiles,
  };
}

/** Opens a package that is in memory. @see openPackage */
export function readPackage(bytes: Uint8Array, options: OpenPackageOptions): Promise<ApkPackage> {
  return openPackage(bytesSource(bytes), options);
}

/**
 * Unpacks the data member into its tar stream.
 *
 * @throws {BuildError} APK_INVALID when it is more than one gzip member, which apk refuses.
 */
export async function* packageData(pkg: ApkPackage): AsyncGenerator<Uint8Array, void, undefined> {
  const { offset, length } = pkg.data;
  // Most packages are small, and a hundred of them are unpacked for an environment.
  const chunkBytes = Math.min(maxChunkBytes, Math.max(smallChunkBytes, 4 * length));
  const members = readGzipMembers(passRange(pkg.source, offset, length), { file: pkg.file, chunkBytes });
  for await (const member of members) {
    if (member.index > 0) {
      const why = 'its data are more than one gzip member, which apk refuses';
      throw buildError(errors, 'APK_INVALID', { file: pkg.file, why });
    }
    yield* member.content;
  }
}

/**
 * Reads the files of a package, in the order of the archive.
 *
 * @throws {BuildError} APK_INVALID when the archive has no end blocks or something after them.
 */
export async function* packageEntries(pkg: ApkPackage): AsyncGenerator<TarEntry, void, undefined> {
  let why: string | undefined;
  yield* readTar(packageData(pkg), {
    archive: pkg.file,
    onEnd: ({ endOfArchive, garbage }) => {
      if (!endOfArchive) why = 'its data archive has no end blocks, which apk refuses';
      else if (garbage) why = 'bytes follow the end of its data archive, which apk refuses';
    },
  });
  if (why !== undefined) throw buildError(errors, 'APK_INVALID', { file: pkg.file, why });
}

async function readControlFiles(member: GzipMember, file: string): Promise<ControlFile[]> {
  const files: ControlFile[] = [];
  let total = 0;
  const limited = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of member.content) {
      total += chunk.length;
      if (total > maxControlBytes) {
        const why = `its control member unpacks to more than ${maxControlBytes} bytes`;
        throw buildError(errors, 'APK_INVALID', { file, why });
      }
      yield chunk;
    }
  };
  for await (const entry of readTar(limited(), { archive: file })) {
    const { name, type, mode, uid, gid, uname, gname, size, mtime, linkName, devMajor, devMinor, pax } =
      entry;
    const header = {
      name,
      type,
      mode,
      uid,
      gid,
      uname,
      gname,
      size,
      mtime,
      linkName,
      devMajor,
      devMinor,
      pax,
    };
    files.push({ ...header, bytes: await entry.bytes() });
  }
  return files;
}

function memberHashes(): {
  update: (bytes: Uint8Array) => void;
  digest: () => { sha1: string; sha256: string };
} {
  const sha1 = createHash('sha1');
  const sha256 = createHash('sha256');
  return {
    update: (bytes) => {
      sha1.update(bytes);
      sha256.update(bytes);
    },
    digest: () => ({ sha1: sha1.digest('hex'), sha256: sha256.digest('hex') }),
  };
}
