import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Diagnostic, isBuildError } from '@melange2/diagnostics';
import { formatLintResults } from '@melange2/lint';
import type { AnalysedPackage } from '@melange2/packager';
import type { BuildHooks, Plugin } from '@melange2/plugin-api';
import type { BuildRequest, Host } from '../build-request.ts';
import { checkLinterNames, lintAnalysed } from './check-packages.ts';
import { withHooks } from '../plugins/with-hooks.ts';
import { withWritten } from './with-written.ts';
import { writeAside } from '../write-aside.ts';
import { writtenRecipe } from './written-recipe.ts';

export interface LintRequest extends Pick<
  BuildRequest,
  'lintRequire' | 'lintWarn' | 'persistLintResults' | 'outDir'
> {
  /** Paths and URLs of packages. */
  readonly files: readonly string[];
}

/** What was found in one package. */
export interface LintedFile {
  readonly file: string;
  /** `name-version`; `undefined` when it could not be read. */
  readonly package: string | undefined;
  readonly problems: readonly Diagnostic[];
}

/**
 * Lints written packages as a build does before it writes them, with the plugins that check packages. A package that
 * cannot be read is a problem of its own.
 *
 * @throws {BuildError} LINT_UNKNOWN; the signal's reason when aborted
 */
export async function lintFiles(
  request: LintRequest,
  {
    plugins,
    host,
    signal,
  }: { readonly plugins: readonly Plugin[]; readonly host: Host; readonly signal: AbortSignal },
): Promise<readonly LintedFile[]> {
  return withHooks(plugins, host, async (hooks) => {
    checkLinterNames(request, hooks);
    const linted: LintedFile[] = [];
    for (const file of request.files) {
      signal.throwIfAborted();
      linted.push(await lintFile(file, request, hooks, host, signal));
    }
    return linted;
  });
}

async function lintFile(
  file: string,
  request: LintRequest,
  hooks: BuildHooks,
  host: Host,
  signal: AbortSignal,
): Promise<LintedFile> {
  try {
    return await withWritten(file, host, signal, async ({ pkg, tree }) => {
      const { recipe, disabled, testPipelines } = writtenRecipe(pkg);
      const { depends, provides, replaces, vendored } = pkg.info;
      const analysed: AnalysedPackage = {
        recipe,
        tree,
        found: { depends, provides, vendored },
        dependencies: { depends, provides, replaces, vendored },
        diagnostics: [],
      };
      const { results, problems } = await lintAnalysed(analysed, hooks, {
        ...request,
        disabled,
        testPipelines,
      });
      const identity = `${recipe.name}-${recipe.version}`;
      if (request.persistLintResults && results.length > 0) {
        const folder = join(request.outDir, safeName(recipe.arch));
        await mkdir(folder, { recursive: true });
        await writeAside(
          join(folder, `lint-${safeName(identity)}.json`),
          formatLintResults(identity, results),
        );
      }
      return { file, package: identity, problems };
    });
  } catch (error) {
    if (!isBuildError(error) || error.code === 'LINT_UNKNOWN') throw error;
    const { code, message } = error;
    return { file, package: undefined, problems: [{ code, severity: 'error', message }] };
  }
}

/** A name out of somebody's package as one part of a path. */
function safeName(name: string): string {
  return name.replaceAll(/[/\\]|^\.\.?$/g, '_');
}
