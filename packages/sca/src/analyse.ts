import { isValidVersion, parseConstraint, sortedUnique, type PackageTree } from '@melange2/apk';
import { diagnostic, type Diagnostic } from '@melange2/diagnostics';
import { commands } from './commands.ts';
import { documentation } from './documentation.ts';
import { errors } from './errors.ts';
import { kernels } from './kernels.ts';
import { perl, python, ruby } from './languages.ts';
import { libraryDirectories } from './library-directories.ts';
import { pkgConfigs } from './pkg-configs.ts';
import { scripts } from './scripts.ts';
import { sharedObjects } from './shared-objects.ts';
import type { Generator } from './subject.ts';

export interface AnalyseOptions {
  readonly name: string;
  /** Full version with release, `3.0-r7`. */
  readonly version: string;
  readonly tree: PackageTree;
  /** Trees of all packages of the build, the main package's first. Default only this one. */
  readonly relatives?: readonly PackageTree[];
  /** Runtime dependencies that the build file declares. */
  readonly declared?: readonly string[];
  /** Leaves `cmd:` out, of what is provided and of what is needed. */
  readonly noCommands?: boolean;
  readonly noDepends?: boolean;
  readonly noProvides?: boolean;
  readonly noVersionedLibraries?: boolean;
  /** Asks for versions of libraries by `so-ver:`; without it none are asked for. */
  readonly libraryVersion?: (library: string) => string | undefined;
}

/** What a package needs and offers, found in its files; each list sorted and without repetitions. */
export interface Analysis {
  readonly depends: readonly string[];
  readonly provides: readonly string[];
  /** What the package has for itself only: it is not provided, and not depended on. */
  readonly vendored: readonly string[];
  /** Warnings; nothing here stops a build. */
  readonly diagnostics: readonly Diagnostic[];
}

const generators: readonly Generator[] = [
  sharedObjects,
  commands,
  documentation,
  pkgConfigs,
  perl,
  python,
  ruby,
  scripts,
  kernels,
];

/**
 * Finds what a package needs and offers by looking at its files.
 *
 * Pure: files are read through the tree, as little of each as will do. What apk could not take as a
 * dependency (a blank in a command's name, `@` in a library's) is left out with a warning.
 */
export async function analyse(options: AnalyseOptions): Promise<Analysis> {
  const { name, version, tree, relatives = [tree], declared = [] } = options;
  const subject = {
    name,
    version,
    tree,
    relatives,
    declared,
    libraryDirectories: await libraryDirectories(relatives),
    libraryVersion: options.noVersionedLibraries === true ? none : (options.libraryVersion ?? none),
  };
  const depends: string[] = [];
  const provides: string[] = [];
  const vendored: string[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const generator of generators) {
    const found = await generator(subject);
    depends.push(...(found.depends ?? []));
    provides.push(...(found.provides ?? []));
    vendored.push(...(found.vendored ?? []));
    diagnostics.push(...(found.diagnostics ?? []));
  }
  const usable = (texts: readonly string[], isUsable: (text: string) => boolean): string[] =>
    sortedUnique(texts).filter((text) => {
      if (isUsable(text)) return true;
      const details = { path: `the package ${name}`, text };
      diagnostics.push(diagnostic(errors, 'SCA_NAME_UNUSABLE', details, { severity: 'warning' }));
      return false;
    });
  const command = (text: string): boolean => options.noCommands === true && text.startsWith('cmd:');
  return {
    depends: options.noDepends === true ? [] : usable(depends, isDependency).filter((text) => !command(text)),
    provides:
      options.noProvides === true ? [] : usable(provides, isProvided).filter((text) => !command(text)),
    vendored: usable(vendored, isProvided),
    diagnostics,
  };
}

/** Whether apk takes a text as a dependency of a package. */
export function isDependency(text: string): boolean {
  const constraint = parseConstraint(text);
  if (constraint === undefined || /[\s\u0000-\u001f\u007f]/.test(text)) return false;
  return (
    constraint.name !== '' &&
    !constraint.name.endsWith(':') &&
    constraint.tag === undefined &&
    (constraint.version === undefined || constraint.version.valid)
  );
}

/** Whether apk takes a text as something that a package provides: a name, or a name `=` a version. */
export function isProvided(text: string): boolean {
  if (!isDependency(text) || text.startsWith('!')) return false;
  const at = text.indexOf('=');
  return at < 0 || isValidVersion(text.slice(at + 1));
}

function none(): undefined {
  return undefined;
}
