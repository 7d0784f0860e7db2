import { compareVersions, type Constraint } from '@melange2/apk';
import { diagnostic, didYouMean, type Diagnostic, type Span } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { label } from './install-order.ts';
import { meets, type Candidate, type PreparedRepositories } from './prepare-repositories.ts';
import type { Exclusion, Failure, Requirement, Resolution } from './resolution.ts';

const mostShown = 6;

/** Says for people why a world cannot be met: one diagnostic for each requirement that fails, none twice. */
export function explain(
  repositories: PreparedRepositories,
  resolution: Resolution,
  placeOf: (entry: string) => Span | undefined = () => undefined,
): Diagnostic[] {
  const found = new Map<string, Diagnostic>();
  for (const failure of resolution.failures) {
    const problem = explainFailure(repositories, resolution, failure);
    const entry = chainOf(failure.requirement, resolution).at(-1);
    const span = entry === undefined ? undefined : placeOf(entry);
    if (!found.has(problem.message))
      found.set(problem.message, span === undefined ? problem : { ...problem, span });
  }
  return [...found.values()];
}

function explainFailure(
  repositories: PreparedRepositories,
  resolution: Resolution,
  { requirement, chosen, exclusion }: Failure,
): Diagnostic {
  const { constraint } = requirement;
  const wanted = wantedBy(requirement, resolution);
  if (chosen !== undefined && exclusion !== undefined) {
    return diagnostic(errors, 'SOLVER_CONFLICT', {
      subject: `${label(chosen)} is needed and excluded at once.`,
      wanted,
      reasons: [reasonOf(chosen, exclusion, { repositories, resolution })],
    });
  }
  const candidates = repositories.candidates(constraint.name);
  if (candidates.length === 0) {
    const command = repositories.candidates(`cmd:${constraint.name}`)[0]?.package.name;
    const nearest = command === undefined ? didYouMean(constraint.name, repositories.names()) : undefined;
    return diagnostic(errors, 'SOLVER_NAME_UNKNOWN', { name: constraint.name, wanted, nearest, command });
  }
  const fitting = candidates.filter((c) => meets(c, constraint));
  if (fitting.length === 0) {
    const versions = newestFirst(candidates).map((c) => offer(c, constraint));
    return diagnostic(errors, 'SOLVER_VERSION_UNKNOWN', {
      constraint: constraint.text,
      wanted,
      versions: versions.slice(0, mostShown),
      more: Math.max(0, versions.length - mostShown),
    });
  }
  const reachable = fitting.filter((c) => c.tag === undefined || requirement.tags.has(c.tag));
  if (reachable.length === 0) {
    const tags = [...new Set(fitting.map((c) => c.tag ?? ''))].toSorted();
    return diagnostic(errors, 'SOLVER_TAG_NEEDED', { constraint: constraint.text, wanted, tags });
  }
  const reasons = newestFirst(reachable).map((c) => {
    const why = resolution.exclusions.get(c);
    return why === undefined ? `${label(c)} is free` : reasonOf(c, why, { repositories, resolution });
  });
  const shown = [...new Set(reasons)];
  const rest = shown.length - mostShown;
  return diagnostic(errors, 'SOLVER_CONFLICT', {
    subject: `Nothing that meets "${constraint.text}" can be installed.`,
    wanted,
    reasons: rest > 0 ? [...shown.slice(0, mostShown), `and ${rest} more`] : shown,
  });
}

function newestFirst(candidates: readonly Candidate[]): Candidate[] {
  return candidates.toSorted(
    (a, b) =>
      (a.package.name < b.package.name ? -1 : a.package.name > b.package.name ? 1 : 0) ||
      compareVersions(b.version, a.version),
  );
}

function offer(candidate: Candidate, constraint: Constraint): string {
  if (candidate.package.name === constraint.name) return label(candidate);
  const version = candidate.provides.get(constraint.name);
  const carried =
    version === undefined ? `${constraint.name} without a version` : `${constraint.name}=${version.text}`;
  return `${label(candidate)} (provides ${carried})`;
}

/** A whole sentence: who needs it, and which entry of the world leads there. */
function wantedBy(requirement: Requirement, resolution: Resolution): string {
  if (requirement.source.kind === 'world') return 'It is in the list of wanted packages.';
  return `${capitalised(origin(requirement, resolution))}.`;
}

function capitalised(text: string): string {
  return /^[a-z]+ /.test(text) ? text.slice(0, 1).toUpperCase() + text.slice(1) : text;
}

/** From the package that needs it up to the entry of the world. */
function chainOf(requirement: Requirement, { chosen }: Resolution): string[] {
  const chain: string[] = [];
  const seen = new Set<Candidate>();
  let current: Requirement | undefined = requirement;
  while (current !== undefined) {
    const { source }: Requirement = current;
    if (source.kind === 'world') {
      if (chain.at(-1) !== current.constraint.text) chain.push(current.constraint.text);
      break;
    }
    if (source.kind === 'implied') {
      current = source.requirement;
      continue;
    }
    if (seen.has(source.candidate)) break;
    seen.add(source.candidate);
    chain.push(label(source.candidate));
    current = chosen.get(source.candidate.package.name)?.requirement;
  }
  return chain;
}

interface Context {
  readonly repositories: PreparedRepositories;
  readonly resolution: Resolution;
}

/** What stands in the way of the candidates that would meet `constraint`. */
function obstaclesOf(constraint: Constraint, context: Context, depth: number): string {
  const fitting = newestFirst(
    context.repositories.candidates(constraint.name).filter((c) => meets(c, constraint)),
  );
  const reasons = fitting.flatMap((c) => {
    const why = context.resolution.exclusions.get(c);
    return why === undefined || depth > 3 ? [] : [reasonOf(c, why, context, depth + 1)];
  });
  if (reasons.length === 0) return 'that is excluded';
  const shown = reasons.slice(0, 2).join('; ');
  return reasons.length > 2 ? `${shown}; and ${reasons.length - 2} more are excluded` : shown;
}

function reasonOf(candidate: Candidate, exclusion: Exclusion, context: Context, depth = 0): string {
  const { resolution } = context;
  const own = label(candidate);
  switch (exclusion.kind) {
    case 'version':
      return `${own} is not "${exclusion.by.constraint.text}": ${origin(exclusion.by, resolution)}`;
    case 'excluded':
      return `${own} is excluded by "${exclusion.by.constraint.text}": ${origin(exclusion.by, resolution)}`;
    case 'sameName':
      return `${own} cannot be there together with ${label(exclusion.by)}${needed(exclusion.by, resolution)}`;
    case 'sameProvide':
      return `${own} and ${label(exclusion.by)}${needed(exclusion.by, resolution)} provide the same "${exclusion.name}"`;
    case 'needs':
      return `${own} needs "${exclusion.constraint.text}", but ${obstaclesOf(exclusion.constraint, context, depth)}`;
    case 'conflicts':
      return `${own} excludes "${exclusion.constraint.name}", and ${label(exclusion.other)} is needed`;
    case 'broken':
      return `${own} cannot be installed: ${exclusion.why}`;
    case 'arch':
      return `${own} is for ${exclusion.arch}`;
    case 'otherArch':
      return `${own} does not exist for ${exclusion.arch}`;
  }
}

function origin(requirement: Requirement, resolution: Resolution): string {
  if (requirement.source.kind === 'world') return 'it is in the list of wanted packages';
  if (requirement.source.kind === 'implied') {
    return `everything that meets "${requirement.source.requirement.constraint.text}" needs it`;
  }
  const chain = chainOf(requirement, resolution).toReversed();
  return `${label(requirement.source.candidate)} needs it${chain.length < 2 ? '' : ` (wanted through ${chain.join(' → ')})`}`;
}

function needed(candidate: Candidate, { chosen }: Resolution): string {
  const requirement = chosen.get(candidate.package.name)?.requirement;
  if (requirement === undefined) return '';
  if (requirement.source.kind === 'world') return ', which is wanted';
  return requirement.source.kind === 'package' ? `, which ${label(requirement.source.candidate)} needs` : '';
}
