import { diagnostic, didYouMean, type Diagnostic, type Span } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import type { Dependencies, PackageConfig, Subpackage, Test } from './package-config.ts';
import type { Places } from './places.ts';
import { substitute, type SubstitutionProblem } from './substitution.ts';

type Report = (problem: Diagnostic) => void;

/**
 * Puts the variables of parse time into dependencies and package lists once more, strictly: what is still
 * unknown there can never become known.
 */
export function resolveStrictly(
  config: PackageConfig,
  variables: ReadonlyMap<string, string>,
  report: Report,
): PackageConfig {
  const texts = (list: readonly string[], at: Places, key: string): readonly string[] => {
    if (!list.some((item) => item.includes('${{'))) return list;
    return list.map((item, i) => one(item, at, [key, i]));
  };
  const one = (value: string, at: Places, path: readonly (string | number)[]): string => {
    const result = substitute(value, variables);
    reportReferences(result.problems, at, path, variables, report);
    return result.text;
  };
  const dependencies = (from: Dependencies): Dependencies => {
    const changed = {
      runtime: texts(from.runtime, from.at, 'runtime'),
      provides: texts(from.provides, from.at, 'provides'),
      replaces: texts(from.replaces, from.at, 'replaces'),
      providerPriority: one(from.providerPriority, from.at, ['provider-priority']),
      replacesPriority: one(from.replacesPriority, from.at, ['replaces-priority']),
    };
    return { ...from, ...changed };
  };
  const test = (from: Test | undefined): Test | undefined => {
    if (from === undefined) return undefined;
    const { contents } = from.environment;
    const packages = texts(contents.packages, contents.at, 'packages');
    if (packages === contents.packages) return from;
    return { ...from, environment: { ...from.environment, contents: { ...contents, packages } } };
  };
  const { contents } = config.environment;
  const packages = texts(contents.packages, contents.at, 'packages');
  return {
    ...config,
    package: { ...config.package, dependencies: dependencies(config.package.dependencies) },
    environment: { ...config.environment, contents: { ...contents, packages } },
    subpackages: config.subpackages.map((subpackage: Subpackage) => ({
      ...subpackage,
      dependencies: dependencies(subpackage.dependencies),
      test: test(subpackage.test),
    })),
    test: test(config.test),
  };
}

/** Most problems told of one value. */
const maxPerValue = 20;

/** Reports the faulty `${{…}}` of one value, each at its place. */
export function reportReferences(
  problems: readonly SubstitutionProblem[],
  at: Places,
  path: readonly (string | number)[],
  variables: ReadonlyMap<string, string>,
  report: Report,
): void {
  if (problems.length === 0) return;
  const origin = at.origin(...path);
  for (const problem of problems.slice(0, maxPerValue)) {
    const span = origin?.span(problem.start, problem.end) ?? at.value(...path);
    report(referenceProblem(problem, span, variables));
  }
}

/** The diagnostic of a faulty `${{…}}`. */
function referenceProblem(
  problem: SubstitutionProblem,
  span: Span | undefined,
  variables: ReadonlyMap<string, string>,
): Diagnostic {
  const more = span === undefined ? {} : { span };
  if (problem.kind !== 'undefined') {
    return diagnostic(errors, 'CONFIG_VARIABLE_MALFORMED', { name: problem.name }, more);
  }
  const meant = didYouMean(problem.name, variables.keys());
  const fix =
    meant === undefined || span === undefined
      ? {}
      : { fix: { title: `write \${{${meant}}}`, edits: [{ span, text: `\${{${meant}}}` }] } };
  return diagnostic(errors, 'CONFIG_VARIABLE_UNDEFINED', { name: problem.name, meant }, { ...more, ...fix });
}
