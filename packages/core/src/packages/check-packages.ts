import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Checks, errors as configErrors, type PackageConfig, type Test } from '@melange2/config';
import { BuildError, diagnostic, type Diagnostic, didYouMean } from '@melange2/diagnostics';
import {
  formatLintResults,
  type Linter,
  linters,
  lintersToRun,
  lintPackage,
  type LintResult,
} from '@melange2/lint';
import type { AnalysedPackage } from '@melange2/packager';
import type { BuildHooks } from '@melange2/plugin-api';
import type { ArchitectureBuild } from '../architecture-build.ts';
import type { BuildRequest } from '../build-request.ts';
import { errors } from '../errors.ts';

/** What a check needs to know of the build. */
interface CheckedBuild extends Pick<ArchitectureBuild, 'kernel' | 'architecture' | 'bus'> {
  readonly request: Pick<BuildRequest, 'lintRequire' | 'lintWarn' | 'persistLintResults' | 'outDir'>;
}

/**
 * Checks packages before they are written: with the linters, and with whatever plugins have to say.
 *
 * Warnings are told as events. All packages are looked at before the errors of all of them are thrown together.
 *
 * @throws {BuildError} BUILD_PACKAGE_REFUSED; LINT_UNKNOWN and LINT_DUPLICATE
 */
export async function checkPackages(
  packages: readonly AnalysedPackage[],
  config: PackageConfig,
  build: CheckedBuild,
): Promise<void> {
  const wrong: Diagnostic[] = [];
  const refused = new Set<string>();
  for (const pkg of packages) {
    for (const problem of await checkPackage(pkg, config, build)) {
      if (problem.severity === 'error') {
        wrong.push(problem);
        refused.add(pkg.recipe.name);
      } else build.bus.emit({ type: 'problemFound', problem });
    }
  }
  if (wrong.length === 0) return;
  const details = { packages: [...refused], count: wrong.length };
  const { title, message } = errors.BUILD_PACKAGE_REFUSED;
  throw new BuildError('BUILD_PACKAGE_REFUSED', title, message(details), details, { diagnostics: wrong });
}

/**
 * Refuses names of linters that nobody has, before anything is built. Where plugins check packages, they may bring
 * linters of their own, and names are only known when packages are there.
 *
 * @throws {BuildError} LINT_UNKNOWN
 */
export function checkLinterNames(
  { lintRequire, lintWarn }: Pick<BuildRequest, 'lintRequire' | 'lintWarn'>,
  hooks: BuildHooks,
): void {
  if (hooks.checkPackage.taps.length > 0) return;
  lintersToRun({ require: lintRequire ?? [], warn: lintWarn ?? [] });
}

async function checkPackage(
  pkg: AnalysedPackage,
  config: PackageConfig,
  { kernel, request, architecture }: CheckedBuild,
): Promise<readonly Diagnostic[]> {
  const { name, version } = pkg.recipe;
  const sub = name === config.package.name ? undefined : config.subpackages.find((s) => s.name === name);
  const { checks } = sub ?? config.package;
  const { results, problems, names } = await lintAnalysed(pkg, kernel.hooks, {
    ...request,
    disabled: checks.disabled,
    testPipelines: pipelinesOf(sub === undefined ? config.test : sub.test),
  });
  if (request.persistLintResults && results.length > 0) {
    const file = join(request.outDir, architecture, `lint-${name}-${version}.json`);
    await writeFile(file, formatLintResults(`${name}-${version}`, results));
  }
  // Without plugins that check packages, this was told when the build file was read.
  return kernel.hooks.checkPackage.taps.length === 0
    ? problems
    : [...unknownChecks(checks, names), ...problems];
}

/** Warns of names of checks that no linter has. */
function unknownChecks({ disabled, at }: Checks, names: readonly string[]): Diagnostic[] {
  return disabled.flatMap((name, i) => {
    const span = at.value('disabled', i);
    if (names.includes(name) || span === undefined) return [];
    const details = { name, meant: didYouMean(name, names) };
    return [diagnostic(configErrors, 'CONFIG_CHECK_UNKNOWN', details, { span, severity: 'warning' })];
  });
}

/** How a package is linted. */
export interface LintSettings extends Pick<BuildRequest, 'lintRequire' | 'lintWarn'> {
  /** Required linters that only warn for this package; names that no linter has are passed over. */
  readonly disabled: readonly string[];
  /** Pipelines that the test of the package uses directly; `undefined` when that is not known. */
  readonly testPipelines: readonly string[] | undefined;
}

/**
 * Asks the plugins about a package, and runs the linters, theirs too; `names` are those of all of them.
 *
 * @throws {BuildError} LINT_UNKNOWN and LINT_DUPLICATE
 */
export async function lintAnalysed(
  pkg: AnalysedPackage,
  hooks: BuildHooks,
  { disabled, testPipelines, lintRequire, lintWarn }: LintSettings,
): Promise<{
  readonly results: readonly LintResult[];
  readonly problems: readonly Diagnostic[];
  readonly names: readonly string[];
}> {
  const problems: Diagnostic[] = [];
  const further: Linter[] = [];
  await hooks.checkPackage.promise(pkg, {
    report: (problem) => void problems.push(problem),
    lint: (linter) => void further.push(linter),
  });
  const all = [...linters, ...further];
  const names = all.map(({ name }) => name);
  const { results, diagnostics } = await lintPackage(
    { name: pkg.recipe.name, tree: pkg.tree, testPipelines },
    {
      linters: all,
      // One that is not there is told with its place in the build file.
      disabled: disabled.filter((wanted) => names.includes(wanted)),
      ...(lintRequire === undefined ? {} : { require: lintRequire }),
      ...(lintWarn === undefined ? {} : { warn: lintWarn }),
    },
  );
  return { results, problems: [...problems, ...diagnostics], names };
}

/** The pipelines that a test uses directly. */
function pipelinesOf(test: Test | undefined): readonly string[] {
  return (test?.pipeline ?? []).flatMap(({ uses }) => (uses === undefined || uses === '' ? [] : [uses]));
}
