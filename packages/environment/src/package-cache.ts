import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, open, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openPackage } from '@melange2/apk';
import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { openFileSource } from './file-source.ts';
import type { LockedPackage } from './lock.ts';
import { readFileOrNothing } from './read-location.ts';
import { formatLocation, type Location } from './repository.ts';
import { formatScan, parseScan, scanPackage, type PackageScan } from './scan-package.ts';
import type { Transport } from './transport.ts';

/** A verified package in the cache. */
export interface CachedPackage {
  readonly scan: PackageScan;
  /** The apk file. */
  readonly path: string;
}

export interface FetchPackageOptions {
  readonly cacheDir: string;
  readonly transport: Transport;
  readonly signal?: AbortSignal | undefined;
  /** Runs the unpacking of packages, which takes memory and a core, a few at a time. Default: at once. */
  readonly inTurn?: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Brings a package into the cache, or finds it there.
 *
 * A package lies there under its identity, the checksum that the signed index gives. It is verified before it gets its
 * place (identity, data hash, archive), is put there by renaming, and is verified anew when its file has changed since.
 * Several processes may do this at a time. What fails leaves nothing behind.
 *
 * @throws {BuildError} ENVIRONMENT_PACKAGE_MISSING, ENVIRONMENT_DOWNLOAD_FAILED, ENVIRONMENT_PACKAGE_UNUSABLE,
 * APK_INVALID, APK_V3_UNSUPPORTED, APK_IDENTITY_MISMATCH, APK_DATA_MISMATCH, GZIP_INVALID, TAR_INVALID, TAR_TRUNCATED
 */
export async function fetchPackage(
  locked: Pick<LockedPackage, 'name' | 'version' | 'identity'>,
  location: Location,
  options: FetchPackageOptions,
): Promise<CachedPackage> {
  const folder = join(options.cacheDir, 'packages', folderName(locked.identity));
  const known = await findPackage(locked.identity, folder, options.signal);
  if (known !== undefined) return known;

  const temporary = join(options.cacheDir, 'packages', `.${randomUUID()}`);
  try {
    await mkdir(temporary, { recursive: true });
    const path = join(temporary, 'package.apk');
    await receive(locked, location, path, options);
    const verified = () => verify(path, formatLocation(location), locked.identity, options.signal);
    const scan = await (options.inTurn?.(verified) ?? verified());
    await writeScan(temporary, path, scan);
    try {
      await rename(temporary, folder);
    } catch (error) {
      // Another process was quicker; a folder only ever gets its place whole and verified.
      if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    }
    return { scan, path: join(folder, 'package.apk') };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** What is known of a package of the cache, by its identity; `undefined` when it is not there. */
export async function findCachedScan(identity: string, cacheDir: string): Promise<PackageScan | undefined> {
  return (await findPackage(identity, join(cacheDir, 'packages', folderName(identity)), undefined))?.scan;
}

/** Base64 may have slashes. */
function folderName(identity: string): string {
  return `${identity.slice(0, 2).toLowerCase()}-${Buffer.from(identity.slice(2), 'base64').toString('hex')}`;
}

async function findPackage(
  identity: string,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<CachedPackage | undefined> {
  const text = await readFileOrNothing(join(folder, 'scan.json'));
  if (text === undefined) return undefined;
  const path = join(folder, 'package.apk');
  const found = parseScan(text.toString('utf8'));
  let source;
  try {
    source = await openFileSource(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
    await rm(folder, { recursive: true, force: true });
    return undefined;
  }
  await source.close();
  if (found !== undefined && found.scan.fileSize === source.size && found.mtimeMs === source.mtimeMs) {
    return { scan: found.scan, path };
  }
  try {
    const scan = await verify(path, path, identity, signal);
    await writeScan(folder, path, scan);
    return { scan, path };
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof Error && error.name === 'BuildError')) throw error;
    await rm(folder, { recursive: true, force: true });
    return undefined;
  }
}

async function receive(
  { name, version }: Pick<LockedPackage, 'name' | 'version'>,
  location: Location,
  path: string,
  { transport, signal }: FetchPackageOptions,
): Promise<void> {
  const missing = (): Error =>
    buildError(errors, 'ENVIRONMENT_PACKAGE_MISSING', {
      package: `${name}-${version}`,
      location: formatLocation(location),
    });
  if (location.kind === 'directory') {
    try {
      await copyFile(location.path, path, constants.COPYFILE_FICLONE);
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) throw missing();
      throw error;
    }
    return;
  }
  for (let attempt = 1; ; attempt++) {
    const answer = await transport.get(location.url, { signal });
    if (answer.status !== 'ok') throw missing();
    const file = await open(path, 'w');
    try {
      for await (const chunk of answer.body) await file.write(chunk);
      return;
    } catch (cause) {
      signal?.throwIfAborted();
      if (attempt < maxAttempts) continue;
      const why = cause instanceof Error ? cause.message : 'the connection broke';
      throw buildError(
        errors,
        'ENVIRONMENT_DOWNLOAD_FAILED',
        { url: formatLocation(location), why },
        { cause },
      );
    } finally {
      await file.close();
    }
  }
}

/** How often a download is begun whose connection breaks. */
const maxAttempts = 3;

async function verify(
  path: string,
  file: string,
  identity: string,
  signal: AbortSignal | undefined,
): Promise<PackageScan> {
  const source = await openFileSource(path);
  try {
    return await scanPackage(await openPackage(source, { file, identity }), signal);
  } finally {
    await source.close();
  }
}

async function writeScan(folder: string, path: string, scan: PackageScan): Promise<void> {
  // Whole seconds survive every file system, so the time can be compared later.
  await utimes(path, 0, 0);
  const temporary = join(folder, `.${randomUUID()}`);
  await writeFile(temporary, formatScan(scan, 0));
  await rename(temporary, join(folder, 'scan.json'));
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
