import type { TreeEntry } from '@melange2/apk';
import { diagnostic, type Diagnostic } from '@melange2/diagnostics';
import { isValidVersion } from '@melange2/apk';
import { ElfDamaged, readElf, type ElfFile } from './elf.ts';
import { errors } from './errors.ts';
import { readGoBuildInfo } from './go-build-info.ts';
import { isHostLibrary } from './host-libraries.ts';
import { isInDirectories } from './library-directories.ts';
import { baseName, followLinks, isFile, type Found, type Subject } from './subject.ts';

/**
 * Finds what programs and libraries need and what libraries offer.
 *
 * - A program needs its interpreter and the versioned libraries it names; so does a library.
 * - A library in a library directory is provided by its SONAME, elsewhere it is for the package itself.
 * - A link to a library of another package of the build, as in a `-dev` package, needs that library.
 * - A Go program with the system's cryptography needs OpenSSL and its FIPS configuration.
 */
export async function sharedObjects(subject: Subject): Promise<Found> {
  const depends: string[] = [];
  const provides: string[] = [];
  const vendored: string[] = [];
  const diagnostics: Diagnostic[] = [];
  const need = (library: string): void => {
    if (isHostLibrary(library)) return;
    depends.push(`so:${library}`);
    const version = subject.libraryVersion(library);
    if (version !== undefined) depends.push(`so-ver:${library}>=${version}`);
  };
  const open = async (entry: TreeEntry | undefined, path: string): Promise<ElfFile | undefined> => {
    if (entry?.content === undefined || !isFile(entry)) return undefined;
    try {
      return await readElf(entry.content);
    } catch (error) {
      if (!(error instanceof ElfDamaged)) throw error;
      diagnostics.push(
        diagnostic(errors, 'SCA_ELF_DAMAGED', { path, why: error.message }, { severity: 'warning' }),
      );
      return undefined;
    }
  };

  for (const entry of subject.tree.entries) {
    const path = entry.header.name;
    const link = entry.header.type === 'symlink';
    if (!link && !isFile(entry)) continue;
    if (link && path.includes('.so')) {
      const target = await open(findLibrary(subject, baseName(entry.header.linkName)), path);
      for (const soname of target?.sonames ?? []) need(soname);
    }
    const file = link ? followLinks(subject.tree, path) : entry;
    const elf = await open(file, path);
    if (elf === undefined) continue;
    if (elf.interpreter !== undefined) {
      depends.push(`so:${baseName(elf.interpreter).replace(/^ld-musl/, 'libc.musl')}`);
    }
    for (const library of elf.needed) if (library.includes('.so.')) need(library);
    const base = baseName(path);
    if (elf.interpreter === undefined || base.includes('.so.') || base.endsWith('.so')) {
      const list = isInDirectories(path, subject.libraryDirectories) ? provides : vendored;
      for (const soname of elf.sonames) {
        if (isHostLibrary(soname)) continue;
        list.push(`so:${soname}=${libraryVersionOf(soname)}`, `so-ver:${soname}=${subject.version}`);
      }
    }
    if (file?.content !== undefined && (await usesSystemCryptography(file.content, elf))) {
      depends.push('openssl-config-fipshardened', 'so:libcrypto.so.3');
    }
  }
  return { depends, provides, vendored, diagnostics };
}

/** The version in a library's name: what stands between the first `.so.` and the next, when that is a version; else 0. */
export function libraryVersionOf(soname: string): string {
  const version = soname.split('.so.')[1] ?? '';
  return /^[0-9.]+$/.test(version) && isValidVersion(version) ? version : '0';
}

function findLibrary(subject: Subject, name: string): TreeEntry | undefined {
  for (const tree of subject.relatives) {
    for (const directory of subject.libraryDirectories) {
      const path = `${directory}/${name}`;
      if (tree.get(path) !== undefined) return followLinks(tree, path);
    }
  }
  return undefined;
}

const fipsExperiments: ReadonlySet<string> = new Set(['boringcrypto', 'systemcrypto', 'opensslcrypto']);

async function usesSystemCryptography(
  source: NonNullable<TreeEntry['content']>,
  elf: ElfFile,
): Promise<boolean> {
  const settings = (await readGoBuildInfo(source, elf))?.settings;
  if (settings?.get('CGO_ENABLED') !== '1') return false;
  return (
    settings.get('microsoft_systemcrypto') === '1' ||
    (settings.get('GOEXPERIMENT') ?? '').split(',').some((experiment) => fipsExperiments.has(experiment))
  );
}
