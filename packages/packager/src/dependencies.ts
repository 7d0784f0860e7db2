import { sortedUnique } from '@melange2/apk';
import type { Analysis } from '@melange2/sca';

/** The lists of dependencies that go into a package. */
export interface Dependencies {
  readonly depends: readonly string[];
  readonly provides: readonly string[];
  /** In the order of the build file. */
  readonly replaces: readonly string[];
  readonly vendored: readonly string[];
}

/**
 * Joins what the build file declares with what was found in the files.
 *
 * - What the package has for itself (vendored) is not depended on, unless the file says so.
 * - Of a name that is declared and found with different versions, the declared one is provided: apk cannot
 *   install a package that provides one name twice.
 * - What the package provides without a version asked is not depended on, even where the file says so.
 */
export function joinDependencies(
  declared: Pick<Dependencies, 'depends' | 'provides' | 'replaces'>,
  found: Pick<Analysis, 'depends' | 'provides' | 'vendored'>,
): Dependencies {
  const own = new Set(declared.provides.map(nameOf));
  const provides = sortedUnique([
    ...declared.provides,
    ...found.provides.filter((text) => !own.has(nameOf(text))),
  ]);
  const needed = withoutProvided(found.depends, found.vendored);
  return {
    depends: withoutProvided(sortedUnique([...declared.depends, ...needed]), provides),
    provides,
    replaces: declared.replaces,
    vendored: sortedUnique(found.vendored),
  };
}

/**
 * Leaves out the dependencies that equal the name of something provided. One with a version stays, except a
 * `so-ver:` one, which asks for at least the version of the library that the package has itself.
 */
export function withoutProvided(depends: readonly string[], provides: readonly string[]): string[] {
  const names = new Set(provides.map(nameOf));
  return depends.filter(
    (text) => !names.has(text.startsWith('so-ver:') ? (text.split('>=', 1)[0] ?? '') : text),
  );
}

function nameOf(provided: string): string {
  return provided.split('=', 1)[0] ?? '';
}
