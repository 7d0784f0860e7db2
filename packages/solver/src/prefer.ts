import { compareVersions } from '@melange2/apk';
import { carriedVersion, type Candidate } from './prepare-repositories.ts';

/** What the choice among candidates depends on, besides the candidates. */
export interface Preference {
  readonly name: string;
  readonly tag: string | undefined;
  /** Origins of packages that are settled, as `origin version`. */
  readonly origins: ReadonlySet<string>;
}

/**
 * The candidate that is taken for a name; the first one on a full tie, so the order of repositories decides.
 *
 * In this order: a valid version; a version carried for the name rather than none; an origin that is already there in
 * this very version; the wanted tag; the higher version carried for the name; of one package the higher version;
 * priority as a provider; the higher version of the package; the name.
 */
export function preferred<C extends Candidate>(
  candidates: readonly C[],
  preference: Preference,
): C | undefined {
  // The best of each name first: across names the rules alone can go round in a circle.
  const best = new Map<string, C>();
  for (const candidate of candidates) {
    const known = best.get(candidate.package.name);
    if (known === undefined || compare(candidate, known, preference) > 0)
      best.set(candidate.package.name, candidate);
  }
  let winner: C | undefined;
  for (const candidate of best.values()) {
    if (winner === undefined || compare(candidate, winner, preference) > 0) winner = candidate;
  }
  return winner;
}

function compare(a: Candidate, b: Candidate, { name, tag, origins }: Preference): number {
  if (a.version.valid !== b.version.valid) return claim(a.version.valid);
  const carriedA = carriedVersion(a, name);
  const carriedB = carriedVersion(b, name);
  if ((carriedA === undefined) !== (carriedB === undefined)) return claim(carriedA !== undefined);
  const settledA = isSettled(a, origins);
  if (settledA !== isSettled(b, origins)) return claim(settledA);
  if ((a.tag === tag) !== (b.tag === tag)) return claim(a.tag === tag);
  const carried = carriedA === undefined || carriedB === undefined ? 0 : compareVersions(carriedA, carriedB);
  if (carried !== 0) return carried;
  const own = compareVersions(a.version, b.version);
  if (a.package.name === b.package.name && own !== 0) return own;
  const priority = (a.package.providerPriority ?? 0) - (b.package.providerPriority ?? 0);
  if (priority !== 0) return priority;
  if (own !== 0) return own;
  return a.package.name === b.package.name ? 0 : claim(a.package.name < b.package.name);
}

function isSettled(candidate: Candidate, origins: ReadonlySet<string>): boolean {
  const { origin, version } = candidate.package;
  return origin !== undefined && origin !== '' && origins.has(`${origin} ${version}`);
}

function claim(isA: boolean): number {
  return isA ? 1 : -1;
}
