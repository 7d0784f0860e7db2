import { CAPABILITY_XATTR, packageTree, sortedUnique, XATTR_PREFIX, type PackageTree } from '@melange2/apk';
import { BuildError, diagnostic, hasErrors, type Diagnostic } from '@melange2/diagnostics';
import { analyse, isDependency, isProvided } from '@melange2/sca';
import { formatCapabilities, parseCapabilities } from './capabilities.ts';
import { joinDependencies, type Dependencies } from './dependencies.ts';
import { errors } from './errors.ts';
import type { PackageRecipe } from './package-recipe.ts';

/** A package with everything known about it, not yet written. Hooks change it here. */
export interface AnalysedPackage {
  /** What the build file says of it. */
  readonly recipe: PackageRecipe;
  readonly tree: PackageTree;
  /** What was found in the files, before it was joined with what the build file says. */
  readonly found: Omit<Dependencies, 'replaces'>;
  /** What the package gets, made of `recipe` and `found` by {@link withDependencies}. */
  readonly dependencies: Dependencies;
  /** Warnings. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface AnalysePackageOptions {
  readonly recipe: PackageRecipe;
  /** Trees of all packages of the build, by name. */
  readonly trees: ReadonlyMap<string, PackageTree>;
  /** Names of all packages of the build, the main package's first. */
  readonly order: readonly string[];
  /** Version to ask of a library by `so-ver:`; without it none are asked for. */
  readonly libraryVersion?: (library: string) => string | undefined;
}

/**
 * Looks at the files of a package: sets the capabilities that the build file asks for, finds dependencies, and
 * checks that apk will take the result.
 *
 * @throws {BuildError} PACKAGE_DEPENDENCY_INVALID, PACKAGE_CAPABILITY_INVALID; all of them in `diagnostics`.
 */
export async function analysePackage(options: AnalysePackageOptions): Promise<AnalysedPackage> {
  const { recipe, trees, order } = options;
  const problems: Diagnostic[] = [];
  const received = trees.get(recipe.name) ?? packageTree([]);
  const tree = setCapabilities(received, recipe, problems);
  checkDependencies(recipe, problems);
  checkPaths(tree, recipe.name, problems);
  if (hasErrors(problems)) throw failure(problems);
  const found = await analyse({
    name: recipe.name,
    version: recipe.version,
    tree,
    relatives: order.map((name) => trees.get(name) ?? packageTree([])),
    declared: recipe.depends,
    noCommands: recipe.noCommands,
    noDepends: recipe.noDepends,
    noProvides: recipe.noProvides,
    noVersionedLibraries: recipe.noVersionedLibraries,
    ...(options.libraryVersion === undefined ? {} : { libraryVersion: options.libraryVersion }),
  });
  const { depends, provides, vendored } = found;
  return {
    recipe,
    tree,
    found: { depends, provides, vendored },
    dependencies: joinDependencies(recipe, found),
    diagnostics: [...problems, ...found.diagnostics],
  };
}

/**
 * Joins what the build file declares with what was found once more, for a package whose `recipe` or `found` was
 * changed. What the build file switches off (`no-depends`, `no-provides`, `no-commands`) is left out of what was found.
 *
 * @throws {BuildError} PACKAGE_DEPENDENCY_INVALID, PACKAGE_FOUND_INVALID for what apk would refuse; all of them in
 * `diagnostics`
 */
export function withDependencies(pkg: AnalysedPackage): AnalysedPackage {
  const { recipe } = pkg;
  const problems: Diagnostic[] = [];
  checkDependencies(recipe, problems);
  const { depends, provides, vendored } = pkg.found;
  checkFound(recipe.name, 'depends', depends, isDependency, problems);
  checkFound(recipe.name, 'provides', provides, isProvided, problems);
  if (hasErrors(problems)) throw failure(problems);
  const wanted = (text: string): boolean => !(recipe.noCommands && text.startsWith('cmd:'));
  const found = {
    depends: recipe.noDepends ? [] : sortedUnique(depends).filter(wanted),
    provides: recipe.noProvides ? [] : sortedUnique(provides).filter(wanted),
    vendored: sortedUnique(vendored),
  };
  return { ...pkg, found, dependencies: joinDependencies(recipe, found) };
}

function checkFound(
  name: string,
  list: string,
  texts: readonly string[],
  usable: (text: string) => boolean,
  problems: Diagnostic[],
): void {
  for (const text of texts) {
    if (!usable(text))
      problems.push(diagnostic(errors, 'PACKAGE_FOUND_INVALID', { package: name, list, text }));
  }
}

function failure(problems: readonly Diagnostic[]): BuildError {
  const wrong = problems.filter((p) => p.severity === 'error');
  const [first] = wrong;
  if (first === undefined) throw new Error('no problem is an error');
  const code = first.code as keyof typeof errors;
  return new BuildError(code, errors[code].title, wrong.map((p) => p.message).join('\n'), undefined, {
    diagnostics: wrong,
  });
}

function setCapabilities(tree: PackageTree, recipe: PackageRecipe, problems: Diagnostic[]): PackageTree {
  const wanted = new Map<string, [string, string][]>();
  for (const { path, add } of recipe.setcap) {
    const own = path.replace(/^\/+/, '');
    wanted.set(own, [...(wanted.get(own) ?? []), ...Object.entries(add)]);
  }
  if (wanted.size === 0) return tree;
  const changed = new Map(tree.entries.map((e) => [e.header.name, e]));
  for (const [path, entries] of wanted) {
    const capabilities = parseCapabilities(entries);
    if (typeof capabilities === 'string') {
      const details = { package: recipe.name, path, text: capabilities };
      problems.push(diagnostic(errors, 'PACKAGE_CAPABILITY_INVALID', details));
      continue;
    }
    // All names of a file have its capabilities, so the one that holds the content is changed.
    const named = changed.get(path);
    const entry = named?.header.type === 'hardLink' ? changed.get(named.header.linkName) : named;
    if (entry === undefined || entry.header.type !== 'file') {
      const why = entry === undefined ? 'the package has no such file' : 'that is no regular file';
      const details = { package: recipe.name, path, why };
      problems.push(diagnostic(errors, 'PACKAGE_CAPABILITY_UNUSED', details, { severity: 'warning' }));
      continue;
    }
    const key = XATTR_PREFIX + CAPABILITY_XATTR;
    const pax = [
      ...entry.header.pax.filter(([name]) => name !== key),
      [key, formatCapabilities(capabilities)] as const,
    ];
    changed.set(entry.header.name, { ...entry, header: { ...entry.header, pax } });
  }
  return packageTree(changed.values());
}

function checkDependencies(recipe: PackageRecipe, problems: Diagnostic[]): void {
  const check = (list: string, texts: readonly string[], usable: (text: string) => boolean): void => {
    for (const text of texts) {
      if (usable(text)) continue;
      const why = text.includes('@')
        ? 'a repository tag (@) is only understood in the list of what a user wants'
        : 'it is no name, optionally with an operator and a version that apk understands';
      const details = { package: recipe.name, list, text, why };
      problems.push(diagnostic(errors, 'PACKAGE_DEPENDENCY_INVALID', details));
    }
  };
  check('runtime', recipe.depends, isDependency);
  check('provides', recipe.provides, (text) => isProvided(text) || /^[^=]*~/.test(text));
  check('replaces', recipe.replaces, isDependency);
}

/** Largest id that fits the header of an archive; apk does not read larger ones. */
const largestId = 0o7777777;

function checkPaths(tree: PackageTree, name: string, problems: Diagnostic[]): void {
  for (const { header } of tree.entries) {
    const path = header.name;
    if (/[\u0000-\u001f\u007f]/.test(path)) {
      const details = { package: name, path };
      problems.push(diagnostic(errors, 'PACKAGE_PATH_REFUSED', details, { severity: 'warning' }));
    }
    const id = Math.max(header.uid, header.gid);
    if (id > largestId) {
      const details = { package: name, path, id };
      problems.push(diagnostic(errors, 'PACKAGE_OWNER_TOO_LARGE', details, { severity: 'warning' }));
    }
  }
}
