import type { Constraint } from '@melange2/apk';
import { meets, type Candidate, type PreparedRepositories } from './prepare-repositories.ts';
import type { Resolution } from './resolution.ts';

/** Why a package is installed. */
export type Reason =
  | { readonly kind: 'world'; readonly entry: string }
  /** `package` is `name-version`; `constraint` is its dependency as written. */
  | { readonly kind: 'dependency'; readonly package: string; readonly constraint: string }
  /** All of `constraints` are met, and the package asks to be installed then (`install_if`). */
  | { readonly kind: 'rule'; readonly constraints: readonly string[] };

export interface OrderedPackage {
  readonly candidate: Candidate;
  readonly reasons: readonly Reason[];
}

/**
 * Puts what was chosen in the order of installation, with the reasons of each.
 *
 * A dependency comes before what needs it, entries of the world in byte order, dependencies of one package by their
 * names; a package that an installation rule brings in comes as soon as the rule is met.
 *
 * @throws {Error} when something chosen lacks a dependency or meets a conflict: the resolution would be wrong.
 */
export function installOrder(
  repositories: PreparedRepositories,
  world: readonly Constraint[],
  { chosen }: Resolution,
): OrderedPackage[] {
  const providersOf = (constraint: Constraint): Candidate[] =>
    repositories.fitting(constraint).filter((c) => chosen.get(c.package.name)?.candidate === c);
  const reasons = new Map<Candidate, Reason[]>();
  const because = (candidate: Candidate, reason: Reason): void => {
    const known = reasons.get(candidate);
    if (known === undefined) reasons.set(candidate, [reason]);
    else known.push(reason);
  };
  const order: Candidate[] = [];
  const visited = new Set<Candidate>();
  const emitted = new Set<Candidate>();
  const byRule = [...chosen.values()]
    .filter((c) => c.installIf)
    .map((c) => c.candidate)
    .toSorted(byName);

  /** All that meets `constraint`, which may be several where names are provided without a version. */
  const providersFor = (constraint: Constraint, of: Candidate | undefined): Candidate[] => {
    if (of !== undefined && !constraint.conflict && meets(of, constraint)) return [];
    const providers = providersOf(constraint);
    if (constraint.conflict ? providers.some((p) => p !== of) : providers.length === 0) {
      throw new Error(`${of === undefined ? 'the world' : label(of)} is not content: ${constraint.text}`);
    }
    if (constraint.conflict) return [];
    return providers.toSorted(byName);
  };

  const visit = (candidate: Candidate): void => {
    if (visited.has(candidate)) return;
    visited.add(candidate);
    const needed = new Set<Candidate>();
    for (const constraint of candidate.depends) {
      for (const provider of providersFor(constraint, candidate)) {
        needed.add(provider);
        because(provider, { kind: 'dependency', package: label(candidate), constraint: constraint.text });
      }
    }
    for (const provider of [...needed].toSorted(byName)) visit(provider);
    order.push(candidate);
    emitted.add(candidate);
    for (const rule of byRule) {
      const met = rule.installIf.every((c) => {
        const providers = providersOf(c);
        return c.conflict ? providers.length === 0 : providers.some((p) => emitted.has(p));
      });
      if (met) visit(rule);
    }
  };

  for (const constraint of world.toSorted((a, b) => compareTexts(a.text, b.text))) {
    for (const provider of providersFor(constraint, undefined)) {
      because(provider, { kind: 'world', entry: constraint.text });
      visit(provider);
    }
  }
  for (const rule of byRule) {
    because(rule, { kind: 'rule', constraints: rule.installIf.map((c) => c.text) });
    visit(rule);
  }
  if (order.length !== chosen.size) throw new Error('a package was chosen that nothing needs');
  return order.map((candidate) => ({ candidate, reasons: reasons.get(candidate) ?? [] }));
}

/** `name-version`, as packages are called in messages. */
export function label(candidate: Candidate): string {
  return `${candidate.package.name}-${candidate.package.version}`;
}

function byName(a: Candidate, b: Candidate): number {
  return compareTexts(a.package.name, b.package.name);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
