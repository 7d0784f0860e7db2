import type { Constraint } from '@melange2/apk';
import { meets, type Candidate, type PreparedRepositories } from './prepare-repositories.ts';
import { preferred } from './prefer.ts';

/** Something that has to be met: an entry of the world, a dependency, an installation rule that has come true. */
export interface Requirement {
  readonly constraint: Constraint;
  readonly source: Source;
  /** Tags of repositories that may meet it; shared with the package it comes from, and growing with it. */
  readonly tags: Set<string>;
  /** Its own tag, for entries of the world. */
  readonly tag?: string | undefined;
}

export type Source =
  | { readonly kind: 'world' }
  | { readonly kind: 'package'; readonly candidate: Candidate }
  /** All that could meet `requirement` need it. */
  | { readonly kind: 'implied'; readonly requirement: Requirement };

/** Why a candidate is out of the question. */
export type Exclusion =
  | { readonly kind: 'version'; readonly by: Requirement }
  | { readonly kind: 'excluded'; readonly by: Requirement }
  | { readonly kind: 'sameName'; readonly by: Candidate }
  | { readonly kind: 'sameProvide'; readonly by: Candidate; readonly name: string }
  | { readonly kind: 'needs'; readonly constraint: Constraint }
  | { readonly kind: 'conflicts'; readonly constraint: Constraint; readonly other: Candidate }
  | { readonly kind: 'broken'; readonly why: string }
  | { readonly kind: 'arch'; readonly arch: string }
  | { readonly kind: 'otherArch'; readonly arch: string };

/** A requirement that cannot be met, or a package that is needed and excluded at once. */
export interface Failure {
  readonly requirement: Requirement;
  readonly chosen?: Candidate;
  readonly exclusion?: Exclusion;
}

export interface Chosen {
  readonly candidate: Candidate;
  readonly requirement: Requirement | undefined;
  readonly tags: Set<string>;
  /** Brought in by its installation rule. */
  readonly installIf: boolean;
  readonly needs: ReadonlyMap<Constraint, Requirement>;
}

export interface ResolutionInput {
  readonly repositories: PreparedRepositories;
  readonly world: readonly Constraint[];
  /** Says why a package can never be taken; asked once for each. */
  readonly exclude: (candidate: Candidate) => Exclusion | undefined;
  /** Packages that an installation rule must not bring in. */
  readonly withoutRules: ReadonlySet<Candidate>;
}

/** The state of one resolution. Exclusions and choices only ever grow. */
export interface Resolution {
  readonly chosen: ReadonlyMap<string, Chosen>;
  readonly exclusions: ReadonlyMap<Candidate, Exclusion>;
  readonly failures: readonly Failure[];
}

/**
 * Decides which packages meet a world.
 *
 * What follows without a choice comes first: bounds exclude candidates, a requirement with one candidate left takes it,
 * what all candidates of a requirement need is needed. Only then is the preferred candidate of an open requirement
 * taken, entries of the world first, and everything that follows from it is worked out again. Nothing is taken back,
 * except that a candidate is passed over when the bounds of others exclude what it needs. A candidate whose need
 * nothing in the repositories meets is not passed over: such a repository is broken, and an old version is no answer.
 */
export function resolve(input: ResolutionInput): Resolution {
  const { repositories } = input;
  const chosen = new Map<string, Chosen>();
  const exclusions = new Map<Candidate, Exclusion>();
  const failures: Failure[] = [];
  const failed = new Set<Requirement>();
  const open = new Set<Requirement>();
  const dirty = new Set<Requirement>();
  const watchers = new Map<string, Set<Requirement>>();
  const watching = new Set<Requirement>();
  const rules = new Set<Candidate>();
  const looked = new Set<string>();

  const look = (name: string): void => {
    if (!looked.has(name)) {
      const found = repositories.candidates(name);
      looked.add(name);
      for (const candidate of found) {
        const exclusion = exclusions.has(candidate) ? undefined : input.exclude(candidate);
        if (exclusion !== undefined) exclusions.set(candidate, exclusion);
      }
    }
  };
  const candidatesOf = (name: string): readonly Candidate[] => {
    look(name);
    return repositories.candidates(name);
  };
  const fitting = (constraint: Constraint): readonly Candidate[] => {
    look(constraint.name);
    return repositories.fitting(constraint);
  };

  const allowed = (candidate: Candidate, tags: ReadonlySet<string>): boolean =>
    candidate.tag === undefined ||
    tags.has(candidate.tag) ||
    chosen.get(candidate.package.name)?.candidate === candidate;

  const domain = (constraint: Constraint, tags: ReadonlySet<string>): Candidate[] =>
    fitting(constraint).filter((c) => !exclusions.has(c) && allowed(c, tags));

  const providerOf = (constraint: Constraint): Candidate | undefined =>
    fitting(constraint).find((c) => chosen.get(c.package.name)?.candidate === c);

  const touch = (name: string): void => {
    for (const requirement of watchers.get(name) ?? []) if (open.has(requirement)) dirty.add(requirement);
  };

  const exclude = (candidate: Candidate, exclusion: Exclusion): void => {
    if (exclusions.has(candidate)) return;
    exclusions.set(candidate, exclusion);
    const taken = chosen.get(candidate.package.name);
    if (taken?.candidate === candidate) {
      const requirement = taken.requirement;
      if (requirement !== undefined) failures.push({ requirement, chosen: candidate, exclusion });
    }
    touch(candidate.package.name);
    for (const name of candidate.provides.keys()) touch(name);
  };

  const watch = (name: string, requirement: Requirement): void => {
    const known = watchers.get(name);
    if (known === undefined) watchers.set(name, new Set([requirement]));
    else known.add(requirement);
  };

  const require = (requirement: Requirement): void => {
    const { constraint, source } = requirement;
    const own = source.kind === 'package' ? source.candidate : undefined;
    if (constraint.conflict) {
      for (const candidate of fitting(constraint)) {
        if (candidate !== own) exclude(candidate, { kind: 'excluded', by: requirement });
      }
      return;
    }
    if (constraint.operator !== undefined) {
      for (const candidate of candidatesOf(constraint.name)) {
        const carries =
          candidate.package.name === constraint.name || candidate.provides.get(constraint.name) !== undefined;
        if (carries && !meets(candidate, constraint))
          exclude(candidate, { kind: 'version', by: requirement });
      }
    }
    open.add(requirement);
    dirty.add(requirement);
    watch(constraint.name, requirement);
  };

  const choose = (
    candidate: Candidate,
    requirement: Requirement | undefined,
    tags: Set<string>,
    installIf = false,
  ): void => {
    const needs = new Map<Constraint, Requirement>();
    const own = { candidate, requirement, tags: new Set(tags), installIf, needs };
    chosen.set(candidate.package.name, own);
    for (const other of candidatesOf(candidate.package.name)) {
      if (other === candidate) continue;
      if (other.package.name === candidate.package.name) exclude(other, { kind: 'sameName', by: candidate });
      else if (other.provides.get(candidate.package.name) !== undefined) {
        exclude(other, { kind: 'sameProvide', by: candidate, name: candidate.package.name });
      }
    }
    for (const [name, version] of candidate.provides) {
      for (const other of candidatesOf(name)) {
        if (other === candidate || version === undefined) continue;
        if (other.package.name === name || other.provides.get(name) !== undefined) {
          exclude(other, { kind: 'sameProvide', by: candidate, name });
        }
      }
      touch(name);
      for (const rule of repositories.installedIf(name)) rules.add(rule);
    }
    touch(candidate.package.name);
    for (const rule of repositories.installedIf(candidate.package.name)) rules.add(rule);
    for (const constraint of candidate.depends) {
      if (!constraint.conflict && meets(candidate, constraint)) continue;
      const need: Requirement = { constraint, source: { kind: 'package', candidate }, tags: own.tags };
      needs.set(constraint, need);
      require(need);
    }
  };

  /** What else may be tagged, once a package is wanted by somebody who allows more. */
  const widen = (provider: Candidate, tags: ReadonlySet<string>): void => {
    const known = chosen.get(provider.package.name)?.tags;
    if (known === undefined) return;
    const before = known.size;
    for (const tag of tags) known.add(tag);
    if (known.size === before) return;
    for (const requirement of open) if (requirement.tags === known) dirty.add(requirement);
    for (const constraint of provider.depends) {
      const next = constraint.conflict ? undefined : providerOf(constraint);
      if (next !== undefined && next !== provider) widen(next, known);
    }
  };

  /** A need of `candidate` that others have made impossible. */
  const obstacle = (candidate: Candidate, tags: ReadonlySet<string>): Exclusion | undefined => {
    for (const constraint of candidate.depends) {
      if (constraint.conflict) {
        const other = providerOf(constraint);
        if (other !== undefined && other !== candidate) return { kind: 'conflicts', constraint, other };
        continue;
      }
      if (meets(candidate, constraint)) continue;
      let possible = false;
      let met = false;
      for (const other of fitting(constraint)) {
        if (!allowed(other, tags)) continue;
        const exclusion = exclusions.get(other);
        if (exclusion === undefined) {
          met = true;
          break;
        }
        if (!isPermanent(exclusion)) possible = true;
      }
      if (!met && possible) return { kind: 'needs', constraint };
    }
    return undefined;
  };

  /** By the tags that come with them, which all that one requirement implies share; cycles end here. */
  const impliedBy = new Map<ReadonlySet<string>, Set<string>>();
  const imply = (requirement: Requirement, candidates: readonly Candidate[]): void => {
    const [first, ...others] = candidates;
    for (const constraint of first?.depends ?? []) {
      // What a candidate has itself, it needs of nobody.
      if (first === undefined || constraint.conflict || meets(first, constraint)) continue;
      let same = true;
      const everyone = others.every((other) =>
        other.depends.some((d) => {
          if (d.conflict || d.name !== constraint.name || meets(other, d)) return false;
          if (d.text !== constraint.text) same = false;
          return true;
        }),
      );
      if (!everyone) continue;
      const { name } = constraint;
      const implied: Constraint = same ? constraint : { text: name, name, conflict: false };
      const known = impliedBy.get(requirement.tags) ?? new Set<string>();
      impliedBy.set(requirement.tags, known);
      if (known.has(implied.text)) continue;
      known.add(implied.text);
      require({ constraint: implied, source: { kind: 'implied', requirement }, tags: requirement.tags });
    }
  };

  const examine = (requirement: Requirement): void => {
    const provider = providerOf(requirement.constraint);
    if (provider !== undefined) {
      open.delete(requirement);
      widen(provider, requirement.tags);
      return;
    }
    let candidates = domain(requirement.constraint, requirement.tags);
    // Candidates only ever become fewer, so those of the first time have all names that matter later.
    if (!watching.has(requirement)) {
      watching.add(requirement);
      for (const candidate of candidates) {
        for (const constraint of candidate.depends) watch(constraint.name, requirement);
      }
    }
    for (const candidate of candidates) {
      const exclusion = obstacle(candidate, requirement.tags);
      if (exclusion !== undefined) exclude(candidate, exclusion);
    }
    candidates = candidates.filter((c) => !exclusions.has(c));
    const [only] = candidates;
    if (only === undefined) {
      open.delete(requirement);
      if (!failed.has(requirement)) failures.push({ requirement });
      failed.add(requirement);
    } else if (candidates.length === 1) {
      open.delete(requirement);
      choose(only, requirement, requirement.tags);
    } else imply(requirement, candidates);
  };

  /** Works out all that follows without a choice. False when something cannot be met. */
  const settle = (): boolean => {
    for (;;) {
      for (const requirement of dirty) {
        dirty.delete(requirement);
        if (open.has(requirement)) examine(requirement);
      }
      if (failures.length > 0) return false;
      if (!applyRules()) return true;
    }
  };

  const applyRules = (): boolean => {
    const due: Candidate[] = [];
    for (const candidate of rules) {
      if (input.withoutRules.has(candidate) || chosen.has(candidate.package.name)) continue;
      candidatesOf(candidate.package.name);
      if (exclusions.has(candidate) || candidate.installIf.length === 0) continue;
      const providers = candidate.installIf.map(providerOf);
      if (candidate.installIf.every((c, i) => c.conflict === (providers[i] === undefined))) {
        const tags = new Set(providers.flatMap((p) => (p?.tag === undefined ? [] : [p.tag])));
        if (allowed(candidate, tags)) due.push(candidate);
      }
    }
    const name = due.map((c) => c.package.name).toSorted()[0];
    if (name === undefined) return false;
    const candidate = preferred(
      due.filter((c) => c.package.name === name),
      { name, tag: undefined, origins: new Set() },
    );
    if (candidate === undefined) return false;
    if (obstacle(candidate, new Set()) !== undefined) {
      rules.delete(candidate);
      return true;
    }
    choose(candidate, undefined, new Set(candidate.tag === undefined ? [] : [candidate.tag]), true);
    return true;
  };

  const origins = new Set<string>();
  const settleOrigin = (candidate: Candidate): void => {
    const { origin, version } = candidate.package;
    if (origin !== undefined) origins.add(`${origin} ${version}`);
  };

  /** Takes a candidate for `requirement` unless something chosen meets it already; the package that meets it. */
  const decide = (requirement: Requirement): Candidate | undefined => {
    if (open.has(requirement)) {
      const { name } = requirement.constraint;
      const best = preferred(domain(requirement.constraint, requirement.tags), {
        name,
        tag: requirement.tag,
        origins,
      });
      if (best === undefined)
        throw new Error(`an open requirement without candidates: ${requirement.constraint.text}`);
      open.delete(requirement);
      choose(best, requirement, requirement.tags);
      if (!settle()) return undefined;
    }
    return providerOf(requirement.constraint);
  };

  const visited = new Map<Candidate, ReadonlySet<Candidate>>();

  /** Decides everything below `candidate`; the packages below it, or nothing when something cannot be met. */
  const descend = (candidate: Candidate): ReadonlySet<Candidate> | undefined => {
    const known = visited.get(candidate);
    if (known !== undefined) return known;
    const below = new Set<Candidate>();
    visited.set(candidate, below);
    const tags = chosen.get(candidate.package.name)?.tags ?? new Set<string>();
    let remaining = candidate.depends.filter((d) => !d.conflict && !meets(candidate, d));
    while (remaining.length > 0) {
      const [next] = remaining
        .map((constraint) => ({ constraint, size: domain(constraint, tags).length }))
        .toSorted((a, b) => a.size - b.size || (a.constraint.name < b.constraint.name ? -1 : 1));
      if (next === undefined) break;
      remaining = remaining.filter((d) => d !== next.constraint);
      const need = chosen.get(candidate.package.name)?.needs.get(next.constraint);
      const provider = need === undefined ? providerOf(next.constraint) : decide(need);
      if (provider === undefined) return undefined;
      const under = descend(provider);
      if (under === undefined) return undefined;
      for (const each of under) {
        settleOrigin(each);
        below.add(each);
      }
      below.add(provider);
    }
    return below;
  };

  const world = input.world.map((constraint): Requirement => {
    const { tag } = constraint;
    return { constraint, source: { kind: 'world' }, tags: new Set(tag === undefined ? [] : [tag]), tag };
  });
  const resolveAll = (): void => {
    for (const requirement of world) require(requirement);
    if (!settle()) return;
    for (;;) {
      const [next] = world
        .filter((r) => open.has(r))
        .map((requirement) => ({
          requirement,
          size: domain(requirement.constraint, requirement.tags).length,
        }))
        .toSorted((a, b) => a.size - b.size);
      if (next === undefined) break;
      if (decide(next.requirement) === undefined) return;
    }
    const wanted = world.filter((r) => !r.constraint.conflict);
    for (const requirement of wanted) {
      const provider = providerOf(requirement.constraint);
      if (provider !== undefined) settleOrigin(provider);
    }
    for (const requirement of wanted) {
      const provider = providerOf(requirement.constraint);
      const below = provider === undefined ? undefined : descend(provider);
      if (below === undefined) return;
      for (const each of below) settleOrigin(each);
    }
    // Rules bring in packages while others are decided, so what they need is looked at until nothing is new.
    for (let size = -1; size !== chosen.size;) {
      size = chosen.size;
      for (const { candidate } of chosen.values()) if (descend(candidate) === undefined) return;
      if (!settle()) return;
    }
  };
  resolveAll();
  return { chosen, exclusions, failures };
}

function isPermanent(exclusion: Exclusion): boolean {
  return exclusion.kind === 'broken' || exclusion.kind === 'arch' || exclusion.kind === 'otherArch';
}
