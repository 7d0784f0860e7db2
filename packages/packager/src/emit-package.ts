import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  indexRecordOf,
  packageInfo,
  writePackage,
  type IndexRecord,
  type PackageInfo,
  type SigningKey,
} from '@melange2/apk';
import type { AnalysedPackage } from './analyse-package.ts';
import { writeFailed } from './errors.ts';
import { SpoolFile } from './spool-file.ts';
import { writeAside } from './write-aside.ts';

export interface EmitOptions {
  /** Packages go into a folder of it that is named after the architecture. */
  readonly outDir: string;
  /** Time of everything, in seconds since 1970. 0 leaves the build date out; earlier times count as 0. */
  readonly sourceDateEpoch: number;
  /** Text of `.melange.yaml`, the compiled build file. */
  readonly buildFile?: string;
  readonly key?: SigningKey;
  /** An existing folder for the temporary file that compressed data wait in. Default the output folder. */
  readonly spoolDir?: string;
  readonly signal?: AbortSignal;
}

/** A package that was written. */
export interface PackageArtifact {
  readonly path: string;
  readonly info: PackageInfo;
  readonly sizeBytes: number;
  /** Hex, of the whole file. */
  readonly sha256: string;
  /** `Q1…`: what an index knows the package by. */
  readonly identity: string;
  /** What goes into the index. */
  readonly record: IndexRecord;
}

/**
 * Writes a package as `outDir/arch/name-version.apk`; it appears whole or not at all.
 *
 * Equal input gives equal bytes, wherever and whenever it is written.
 *
 * @throws {BuildError} PACKAGE_WRITE_FAILED; the signal's reason.
 */
export async function emitPackage(pkg: AnalysedPackage, options: EmitOptions): Promise<PackageArtifact> {
  const { recipe, tree } = pkg;
  const sourceDateEpoch = Math.max(0, options.sourceDateEpoch);
  const folder = join(options.outDir, recipe.arch);
  const path = join(folder, `${recipe.name}-${recipe.version}.apk`);
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw writeFailed(folder, cause);
  }
  const spool = await SpoolFile.create(
    join(options.spoolDir ?? folder, `.melange2-${randomBytes(8).toString('hex')}.spool`),
  );
  try {
    const written = await writePackage({
      tree,
      info: describedInfo(pkg, sourceDateEpoch),
      scripts: recipe.scripts,
      sourceDateEpoch,
      ...(options.buildFile === undefined ? {} : { buildFile: options.buildFile }),
      ...(options.key === undefined ? {} : { key: options.key }),
      spool: {
        write: (chunk) => {
          options.signal?.throwIfAborted();
          return spool.append(chunk);
        },
        read: () => spool.chunks(),
      },
    });
    await writeAside(path, written.read(), options.signal);
    const { info, identity, size, sha256 } = written;
    return { path, info, sizeBytes: size, sha256, identity, record: indexRecordOf({ info, identity, size }) };
  } finally {
    await spool.close();
  }
}

/** What a package says of itself in `.PKGINFO`, but for its size and hash. `sourceDateEpoch` 0 leaves the build date out. */
export function describedInfo(
  { recipe, dependencies }: AnalysedPackage,
  sourceDateEpoch: number,
): PackageInfo {
  const { providerPriority, replacesPriority } = recipe;
  return packageInfo({
    name: recipe.name,
    version: recipe.version,
    arch: recipe.arch,
    description: recipe.description,
    url: recipe.url,
    licenses: recipe.licenses,
    origin: recipe.origin,
    commit: recipe.commit,
    ...dependencies,
    triggers: recipe.triggers,
    ...(recipe.namespace === '' ? {} : { maintainer: recipe.namespace }),
    ...(sourceDateEpoch > 0 ? { buildDate: sourceDateEpoch } : {}),
    ...(providerPriority === undefined ? {} : { providerPriority }),
    ...(replacesPriority === undefined ? {} : { replacesPriority }),
  });
}
