import { parsePatterns, type PathPattern } from './path-pattern.ts';

/** What a filter knows of a folder, for the paths in it. */
export type FilterState = readonly boolean[] | undefined;

/** What becomes of one path. */
export interface FilterVerdict {
  /** The path itself is part of the tree. */
  readonly selected: boolean;
  /** Nothing below the path can be part of it. */
  readonly pruned: boolean;
  readonly include: FilterState;
  readonly exclude: FilterState;
}

/** Says which paths of a tree are sent. */
export interface PathFilter {
  readonly test: (path: string, isDir: boolean, parent: FilterVerdict | undefined) => FilterVerdict;
}

/**
 * Makes a filter of include and exclude patterns with BuildKit's meaning. Without include patterns everything is
 * included. Folders that are only on the way to something included are not selected by themselves.
 *
 * @throws {BuildError} SESSION_PATTERN_INVALID
 */
export function pathFilter(
  includePatterns: readonly string[],
  excludePatterns: readonly string[],
): PathFilter | undefined {
  const includes = parsePatterns(includePatterns);
  const excludes = parsePatterns(excludePatterns);
  if (includes.length === 0 && excludes.length === 0) return undefined;
  const includeRoots = plainRoots(includes.filter((p) => !p.exception));
  const exceptionRoots = plainRoots(excludes.filter((p) => p.exception));

  return {
    test(path, isDir, parent) {
      let selected = true;
      let pruned = false;
      let include: FilterState;
      let exclude: FilterState;
      if (includes.length > 0) {
        include = match(includes, path, parent?.include);
        if (!verdict(includes, include)) {
          selected = false;
          pruned = isDir && includeRoots !== undefined && !includeRoots.some((root) => leadsTo(path, root));
        }
      }
      if (excludes.length > 0 && !pruned) {
        exclude = match(excludes, path, parent?.exclude);
        if (verdict(excludes, exclude)) {
          selected = false;
          pruned =
            isDir && exceptionRoots !== undefined && !exceptionRoots.some((root) => leadsTo(path, root));
        }
      }
      return { selected, pruned, include, exclude };
    },
  };
}

/** A pattern that has matched a folder has matched everything in it. */
function match(patterns: readonly PathPattern[], path: string, parent: FilterState): boolean[] {
  return patterns.map((pattern, i) => {
    if (parent !== undefined) return parent[i]! || pattern.matches(path);
    if (pattern.matches(path)) return true;
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1))
      if (pattern.matches(path.slice(0, slash))) return true;
    return false;
  });
}

/** The last pattern that matches decides. */
function verdict(patterns: readonly PathPattern[], matched: readonly boolean[]): boolean {
  for (let i = patterns.length - 1; i >= 0; i--) if (matched[i]!) return !patterns[i]!.exception;
  return false;
}

/** The paths below which the patterns can match; `undefined` when a wildcard in front makes that any path. */
function plainRoots(patterns: readonly PathPattern[]): readonly string[] | undefined {
  const roots = patterns.map(({ text }) => text.replace(/\/\*\*$/, '').replace(/\/\*$/, ''));
  return roots.some((root) => /[*[\]?^\\]/.test(root)) ? undefined : roots;
}

/** True when `root` is the folder or lies in it. */
function leadsTo(folder: string, root: string): boolean {
  return `${root}/`.startsWith(`${folder}/`);
}
