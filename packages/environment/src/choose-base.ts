/** A package as far as the choice of the base goes. */
export interface BaseCandidate {
  readonly identity: string;
  /** Digest of its layer. */
  readonly digest: string;
  /** How many files it has, which is what merging it costs. */
  readonly files: number;
}

/** The layers of a base, from the bottom up, as noted when it was first used. */
export type BaseRecord = readonly Pick<BaseCandidate, 'identity' | 'digest'>[];

export interface BaseChoice {
  /** What makes the base, from the bottom up. */
  readonly record: BaseRecord;
  /** Identities that are in the base and not wanted: their files are taken away on top of it. */
  readonly surplus: ReadonlySet<string>;
  /** Whether nothing like it was used before. */
  readonly isNew: boolean;
}

/** A base deeper than this nears the limits of overlayfs; the rest is merged. */
const maxLayers = 120;

/**
 * Decides which packages go into the base image and which are merged on top.
 *
 * Layers of the base are shared by every environment that has the same ones from the bottom up, at no cost, while a
 * merged package has all of its files linked. So a base that was used before is kept when a package of it changes: the
 * old one's files are taken away and the new one is merged. It is left for a new one when more than a third of it is
 * surplus or less than half of the files wanted are in it.
 */
export function chooseBase(
  wanted: readonly BaseCandidate[],
  records: readonly BaseRecord[],
  filesOf: (identity: string) => number | undefined,
): BaseChoice {
  const byIdentity = new Map(wanted.map((c) => [c.identity, c]));
  const total = wanted.reduce((sum, c) => sum + c.files, 0);
  let best: { record: BaseRecord; surplus: Set<string>; merged: number } | undefined;
  for (const record of records) {
    const surplus = new Set<string>();
    let shared = 0;
    let removed = 0;
    let usable = true;
    for (const { identity, digest } of record) {
      const candidate = byIdentity.get(identity);
      if (candidate?.digest === digest) {
        shared += candidate.files;
        continue;
      }
      // A layer with the package in another shape would show through what is merged over it.
      const files = candidate === undefined ? filesOf(identity) : undefined;
      if (files === undefined) {
        usable = false;
        break;
      }
      removed += files;
      surplus.add(identity);
    }
    const merged = total - shared + removed;
    if (!usable || shared * 2 < total || removed * 3 > shared + removed) continue;
    if (best === undefined || merged < best.merged) best = { record, surplus, merged };
  }
  if (best !== undefined) return { record: best.record, surplus: best.surplus, isNew: false };
  const largest = new Set(
    wanted
      .toSorted((a, b) => b.files - a.files || (a.identity < b.identity ? -1 : 1))
      .slice(0, maxLayers)
      .map((c) => c.identity),
  );
  const record = wanted
    .filter((c) => largest.has(c.identity))
    .map(({ identity, digest }) => ({ identity, digest }));
  return { record, surplus: new Set(), isNew: true };
}
