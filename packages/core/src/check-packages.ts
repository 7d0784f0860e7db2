import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackageConfig, Test } from '@melange2/config';
import { BuildError, type Diagnostic } from '@melange2/diagnostics';
import { formatLintResults, type Linter, linters, lintersToRun, lintPackage } from '@melange2/lint';
import type { AnalysedPackage } from '@melange2/packager';
import type { BuildHooks } from '@melange2/plugin-api';
import type { ArchitectureBuild } from './architecture-build.ts';
import type { BuildRequest } from './build-request.ts';
import { errors } from './errors.ts';

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
  build: ArchitectureBuild,
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
  build: ArchitectureBuild,
): Promise<readonly Diagnostic[]> {
  const { kernel, request, architecture } = build;
  const problems: Diagnostic[] = [];
  const further: Linter[] = [];
  await kernel.hooks.checkPackage.promise(pkg, {
    report: (problem) => void problems.push(problem),
    lint: (linter) => void further.push(linter),
  });
  const all = [...linters, ...further];
  const { name, version } = pkg.recipe;
  const own = name === config.package.name ? config.package : config.subpackages.find((s) => s.name === name);
  const test =
    name === config.package.name ? config.test : config.subpackages.find((s) => s.name === name)?.test;
  const { results, diagnostics } = await lintPackage(
    { name, tree: pkg.tree, testPipelines: pipelinesOf(test) },
    {
      linters: all,
      // One that is not there was told with its place when the build file was read.
      disabled: own?.checks.disabled.filter((wanted) => all.some((linter) => linter.name === wanted)) ?? [],
      ...(request.lintRequire === undefined ? {} : { require: request.lintRequire }),
      ...(request.lintWarn === undefined ? {} : { warn: request.lintWarn }),
    },
  );
  if (request.persistLintResults && results.length > 0) {
    const file = join(request.outDir, architecture, `lint-${name}-${version}.json`);
    await writeFile(file, formatLintResults(`${name}-${version}`, results));
  }
  return [...problems, ...diagnostics];
}

/** The pipelines that a test uses directly. */
function pipelinesOf(test: Test | undefined): readonly string[] {
  return (test?.pipeline ?? []).flatMap(({ uses }) => (uses === undefined || uses === '' ? [] : [uses]));
}
