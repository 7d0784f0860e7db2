import { parseWorldEntry, type Constraint } from '@melange2/apk';
import { diagnostic, type Diagnostic, type Parsed, type Span } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { explain } from './explain.ts';
import { installOrder, type Reason } from './install-order.ts';
import type { Candidate, PreparedRepositories, SolverPackage } from './prepare-repositories.ts';
import { resolve, type Exclusion, type Resolution } from './resolution.ts';

export interface SolveOptions<P extends SolverPackage = SolverPackage> {
  /** What is wanted: `foo`, `foo=1.2-r0`, `foo~1.2`, `foo@tag`, `!foo`. Its order does not matter. */
  readonly world: readonly string[];
  readonly repositories: PreparedRepositories<P>;
  /** apk's name of the architecture. Packages for another one are passed over; not looked at when it is left out. */
  readonly arch?: string;
  /** What other architectures have: a package is taken only where each of them has it in the same version. */
  readonly otherArchitectures?: ReadonlyMap<string, PreparedRepositories>;
  /** Where an entry of the world is written, for problems that it leads to. */
  readonly placeOf?: (entry: string) => Span | undefined;
}

export interface SolvedPackage<P extends SolverPackage = SolverPackage> {
  readonly package: P;
  /** Position of its repository. */
  readonly repository: number;
  /** Who wanted it, all of them; the world first. */
  readonly reasons: readonly Reason[];
}

export interface Solution<P extends SolverPackage = SolverPackage> {
  /** In the order of installation: a dependency before what needs it. */
  readonly packages: readonly SolvedPackage<P>[];
}

/**
 * Chooses the packages that meet a world, or says for people why none do.
 *
 * There is one version of each name, every dependency is met and no conflict violated, for installation rules too
 * (`install_if`). The same input gives the same answer, whatever the order of world and of records in an index. The
 * preferences among providers are those of apko; where they lead to an environment that apk would refuse, apk's answer
 * is given.
 */
export function solve<P extends SolverPackage>(options: SolveOptions<P>): Parsed<Solution<P>> {
  const { repositories } = options;
  const world: Constraint[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const text of [...new Set(options.world)].toSorted()) {
    const entry = parseWorldEntry(text);
    if (entry === undefined) {
      const span = options.placeOf?.(text);
      const at = span === undefined ? {} : { span };
      diagnostics.push(diagnostic(errors, 'SOLVER_WORLD_INVALID', { entry: text }, at));
    } else {
      world.push(entry);
    }
  }
  if (diagnostics.length > 0) return { diagnostics };

  const exclude = (candidate: Candidate): Exclusion | undefined => exclusionOf(candidate, options);
  const withoutRules = new Set<Candidate>();
  for (;;) {
    const resolution = resolve({ repositories, world, exclude, withoutRules });
    if (resolution.failures.length === 0) {
      const packages = installOrder(repositories, world, resolution).map(({ candidate, reasons }) => ({
        // Candidates come out of `repositories`, so they are of its kind.
        package: candidate.package as P,
        repository: candidate.repository,
        reasons: reasons.toSorted((a, b) => rank(a) - rank(b)),
      }));
      return { value: { packages }, diagnostics: [] };
    }
    const culprit = broughtByRule(resolution);
    if (culprit === undefined) return { diagnostics: explain(repositories, resolution, options.placeOf) };
    withoutRules.add(culprit);
  }
}

function rank(reason: Reason): number {
  return reason.kind === 'world' ? 0 : 1;
}

function exclusionOf(candidate: Candidate, options: SolveOptions): Exclusion | undefined {
  if (candidate.broken !== undefined) return { kind: 'broken', why: candidate.broken };
  const { arch, name, version } = candidate.package;
  if (
    options.arch !== undefined &&
    arch !== undefined &&
    arch !== '' &&
    arch !== 'noarch' &&
    arch !== options.arch
  ) {
    return { kind: 'arch', arch };
  }
  for (const [other, repositories] of options.otherArchitectures ?? []) {
    const there = repositories
      .candidates(name)
      .some((c) => c.package.name === name && c.package.version === version);
    if (!there) return { kind: 'otherArch', arch: other };
  }
  return undefined;
}

/** A package that only its own rule asked for, and that a failure goes back to: nobody needs it, so it stays out. */
function broughtByRule({ failures, chosen }: Resolution): Candidate | undefined {
  for (const { requirement } of failures) {
    const seen = new Set<Candidate>();
    let source = requirement.source;
    while (source.kind !== 'world') {
      if (source.kind === 'implied') {
        source = source.requirement.source;
        continue;
      }
      if (seen.has(source.candidate)) break;
      seen.add(source.candidate);
      const found = chosen.get(source.candidate.package.name);
      if (found?.installIf === true) return found.candidate;
      if (found?.requirement === undefined) break;
      source = found.requirement.source;
    }
  }
  return undefined;
}
