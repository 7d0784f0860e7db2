import {
  compareVersions,
  parseConstraint,
  parseVersion,
  versionMatches,
  type Constraint,
  type Version,
} from '@melange2/apk';

/** What the solver reads of a package; a record of an index has all of it. */
export interface SolverPackage {
  readonly name: string;
  readonly version: string;
  readonly arch?: string | undefined;
  readonly origin?: string | undefined;
  readonly depends?: readonly string[] | undefined;
  readonly provides?: readonly string[] | undefined;
  readonly installIf?: readonly string[] | undefined;
  readonly providerPriority?: number | undefined;
  /** The identity (`Q1…`), for constraints with `><`. */
  readonly identity?: string | undefined;
}

export interface SolverRepository<P extends SolverPackage = SolverPackage> {
  /** For messages. */
  readonly url?: string;
  /** Packages of a tagged repository are taken only where the tag is asked for. */
  readonly tag?: string | undefined;
  readonly packages: readonly P[];
}

/** A package with what has been worked out about it. Internal to the solver. */
export interface Candidate<P extends SolverPackage = SolverPackage> {
  readonly package: P;
  /** Position of the repository. */
  readonly repository: number;
  readonly tag: string | undefined;
  readonly version: Version;
  readonly depends: readonly Constraint[];
  readonly installIf: readonly Constraint[];
  /** Name to version; `undefined` for a provide without a version. Its own name is not in it, unless it says so. */
  readonly provides: ReadonlyMap<string, Version | undefined>;
  /** Why nobody can install it, if so. */
  readonly broken: string | undefined;
}

/** Repositories made ready for {@link solve}; make it once, it serves any number of worlds. */
export interface PreparedRepositories<P extends SolverPackage = SolverPackage> {
  readonly repositories: readonly SolverRepository<P>[];
  /** Everything that is called `name` or provides it, by name and the newest first. @internal */
  candidates(name: string): readonly Candidate<P>[];
  /** Those of the candidates for its name that meet `constraint`, leaving `!` aside. @internal */
  fitting(constraint: Constraint): readonly Candidate<P>[];
  /** The packages of which one installation rule mentions `name`. @internal */
  installedIf(name: string): readonly Candidate<P>[];
  /** All names of packages and provides. @internal */
  names(): Iterable<string>;
}

/**
 * Makes the table of names that {@link solve} works on.
 *
 * The order of `repositories` counts only where one package lies in several: the first is taken. Dependencies and
 * versions are parsed when a package is first looked at, so 60,000 packages take a fraction of a second.
 */
export function prepareRepositories<P extends SolverPackage>(
  repositories: readonly SolverRepository<P>[],
): PreparedRepositories<P> {
  const places: { readonly package: P; readonly repository: number }[] = [];
  const byName = new Map<string, number | number[]>();
  const byRule = new Map<string, number[]>();
  const add = (name: string, id: number): void => {
    const known = byName.get(name);
    if (known === undefined) byName.set(name, id);
    else if (typeof known === 'number') {
      if (known !== id) byName.set(name, [known, id]);
    } else if (known.at(-1) !== id) known.push(id);
  };
  for (const [repository, { packages }] of repositories.entries()) {
    for (const found of packages) {
      const id = places.length;
      places.push({ package: found, repository });
      add(found.name, id);
      for (const text of found.provides ?? []) add(nameOf(text), id);
      for (const text of found.installIf ?? []) {
        const name = nameOf(text);
        const known = byRule.get(name);
        if (known === undefined) byRule.set(name, [id]);
        else if (known.at(-1) !== id) known.push(id);
      }
    }
  }
  const interned = new Map<string, Constraint | undefined>();
  const parse = (text: string): Constraint | undefined => {
    if (!interned.has(text)) interned.set(text, parseDependency(text));
    return interned.get(text);
  };
  const made: (Candidate<P> | undefined)[] = [];
  const candidateOf = (id: number): Candidate<P> => {
    const known = made[id];
    if (known !== undefined) return known;
    const place = places[id];
    if (place === undefined) throw new Error(`no package ${id}`);
    const candidate = makeCandidate(
      place.package,
      place.repository,
      repositories[place.repository]?.tag,
      parse,
    );
    made[id] = candidate;
    return candidate;
  };
  const lists = new Map<string, readonly Candidate<P>[]>();
  const candidates = (name: string): readonly Candidate<P>[] => {
    const known = lists.get(name);
    if (known !== undefined) return known;
    const ids = byName.get(name);
    const list =
      ids === undefined ? [] : (typeof ids === 'number' ? [ids] : ids).map(candidateOf).toSorted(byRank);
    lists.set(name, list);
    return list;
  };
  // Constraints of packages are interned, so what meets one is found once for all that have it.
  const fittings = new WeakMap<Constraint, readonly Candidate<P>[]>();
  return {
    repositories,
    candidates,
    fitting: (constraint) => {
      const known = fittings.get(constraint);
      if (known !== undefined) return known;
      const list = candidates(constraint.name).filter((c) => meets(c, constraint));
      fittings.set(constraint, list);
      return list;
    },
    installedIf: (name) => (byRule.get(name) ?? []).map(candidateOf),
    names: () => byName.keys(),
  };
}

/** By name, the newest first, then by repository: no answer depends on the order of records in an index. */
function byRank(a: Candidate, b: Candidate): number {
  return (
    compareTexts(a.package.name, b.package.name) ||
    compareVersions(b.version, a.version) ||
    compareTexts(a.package.version, b.package.version) ||
    a.repository - b.repository
  );
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function nameOf(text: string): string {
  const start = text.startsWith('!') ? 1 : 0;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    // < = > ~ @
    if (code === 60 || code === 61 || code === 62 || code === 126 || code === 64) return text.slice(start, i);
  }
  return start === 0 ? text : text.slice(1);
}

function makeCandidate<P extends SolverPackage>(
  found: P,
  repository: number,
  tag: string | undefined,
  parse: (text: string) => Constraint | undefined,
): Candidate<P> {
  let broken: string | undefined;
  const depends: Constraint[] = [];
  for (const text of found.depends ?? []) {
    const constraint = parse(text);
    if (constraint === undefined || constraint.name === '' || invalid(constraint)) {
      broken = `its dependency "${text}" is not a valid one`;
    } else depends.push(constraint);
  }
  const provides = new Map<string, Version | undefined>();
  for (const text of found.provides ?? []) {
    const constraint = parse(text);
    if (constraint !== undefined && !constraint.conflict) {
      if (!provides.has(constraint.name) || constraint.version !== undefined) {
        provides.set(constraint.name, constraint.version);
      }
    }
  }
  const installIf = (found.installIf ?? []).map(parse);
  const usable = installIf.every((c) => c !== undefined && !invalid(c));
  return {
    package: found,
    repository,
    tag,
    version: parseVersion(found.version),
    depends,
    installIf: usable ? installIf.filter((c) => c !== undefined) : [],
    provides,
    broken,
  };
}

function invalid(constraint: Constraint): boolean {
  return constraint.version?.valid === false && constraint.operator !== '><';
}

/**
 * Sonames carry either the library's own version or the version of its package, which ends in `-rN`. The second is the
 * newer convention and has to win, so a `0.` is put in front of the first, as apko does.
 */
function parseDependency(text: string): Constraint | undefined {
  const constraint = parseConstraint(text);
  const version = constraint?.version;
  if (constraint === undefined || version === undefined || !constraint.name.startsWith('so:'))
    return constraint;
  if (/-r[0-9]+$/.test(version.text)) return constraint;
  return { ...constraint, version: parseVersion(`0.${version.text}`) };
}

/** The version under which `candidate` carries `name`: its own, that of its provide, or none. */
export function carriedVersion(candidate: Candidate, name: string): Version | undefined {
  return candidate.package.name === name ? candidate.version : candidate.provides.get(name);
}

/** Tells whether installing `candidate` meets `constraint`, whose name it has or provides. */
export function meets(candidate: Candidate, constraint: Constraint): boolean {
  const { name, operator } = constraint;
  if (operator === undefined) return candidate.package.name === name || candidate.provides.has(name);
  if (operator === '><') return candidate.package.identity === constraint.version?.text;
  if (candidate.package.name === name && fits(candidate.version, constraint)) return true;
  const provided = candidate.provides.get(name);
  return provided !== undefined && fits(provided, constraint);
}

function fits(version: Version, constraint: Constraint): boolean {
  return version.valid && versionMatches(version, constraint, { revisionOptional: true });
}
