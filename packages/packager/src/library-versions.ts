import { isValidVersion, type IndexRecord, type PackageTree } from '@melange2/apk';
import { analyse } from '@melange2/sca';

/** Libraries of the C library's loader: nobody asks for a version of it. */
const loader = /^ld-linux-(x86-64|aarch64)\.so/;

export interface LibraryVersionsOptions {
  /** Full version of the packages of this build. */
  readonly version: string;
  /** Trees of all packages of the build. */
  readonly trees: readonly PackageTree[];
  /** Records of the packages that the build environment has installed. */
  readonly installed: readonly Pick<IndexRecord, 'name' | 'version' | 'provides'>[];
}

/**
 * Tells which version of a library to ask for by `so-ver:`: that of the build for its own libraries, that of the
 * installed package for one that says which version of the library it has. None for others.
 */
export async function libraryVersions(
  options: LibraryVersionsOptions,
): Promise<(library: string) => string | undefined> {
  const { version, trees, installed } = options;
  const versions = new Map<string, string>();
  for (const record of installed) {
    for (const provided of record.provides) {
      const match = /^so-ver:([^=]+)=(.+)$/.exec(provided);
      if (match !== null && isValidVersion(match[2] ?? '')) versions.set(match[1] ?? '', record.version);
    }
  }
  for (const tree of trees) {
    const { provides } = await analyse({ name: '', version, tree, relatives: trees });
    for (const provided of provides) {
      const own = /^so-ver:([^=]+)=/.exec(provided)?.[1];
      if (own !== undefined) versions.set(own, version);
    }
  }
  return (library) => (loader.test(library) ? undefined : versions.get(library));
}
