import type { Tree } from './read-deb.ts';

/** A set of packages that becomes a repository. */
export interface WorldSet {
  readonly name: string;
  /** The set whose packages are there already; builds name its repository besides this one. */
  readonly on?: WorldSet;
  /** Debian packages whose closure the set is made of. */
  readonly rootPackages: readonly string[];
  /** What of the closure is left out. */
  readonly omitted: RegExp;
  /**
   * Names of Wolfi that recipes and pipelines ask for, as empty packages: what they stand for here. A name that a
   * Debian package has already is not in this list.
   */
  readonly wolfiNames: Readonly<Record<string, readonly string[]>>;
  /** Dependencies besides those that Debian knows. */
  readonly extraDepends: Readonly<Record<string, readonly string[]>>;
  /** Links that Debian's maintainer scripts would make, by package. */
  readonly alternativeLinks: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Packages that are no packages of Debian. */
  readonly ownPackages?: readonly OwnPackage[];
}

/** A package of the world that is made of something else than a Debian package. */
export interface OwnPackage {
  readonly name: string;
  readonly depends: readonly string[];
  readonly description: string;
  readonly read: () => Promise<Tree>;
}
