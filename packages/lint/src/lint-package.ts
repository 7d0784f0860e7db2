import { diagnostic, didYouMean, buildError, type Diagnostic } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { findingPlaces } from './finding-places.ts';
import type { Finding, Linter, LintLevel, LintSubject } from './linter.ts';
import { linters as ownLinters } from './linters.ts';

export interface LintOptions {
  /** All linters there are. Default those of this package. */
  readonly linters?: readonly Linter[];
  /** Names of linters whose findings fail the build. Default those whose own level is `require`. */
  readonly require?: readonly string[];
  /** Names of linters whose findings are only told. Default those whose own level is `warn`. */
  readonly warn?: readonly string[];
  /** Names of required linters that only warn for this package: `checks.disabled` of the build file. */
  readonly disabled?: readonly string[];
}

/** A finding with the linter that made it and what it means for the build. */
export interface LintResult extends Finding {
  readonly linter: string;
  readonly explain: string;
  readonly level: Exclude<LintLevel, 'ignore'>;
}

export interface LintReport {
  /** In the order in which the linters ran: those that only warn first. */
  readonly results: readonly LintResult[];
  /** The same as problems: errors for required linters, else warnings. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Runs linters over a package. Pure: files are read through its tree.
 *
 * @throws {BuildError} LINT_UNKNOWN for a name that no linter has, LINT_DUPLICATE for one that two have.
 */
export async function lintPackage(subject: LintSubject, options: LintOptions = {}): Promise<LintReport> {
  const results: LintResult[] = [];
  for (const [linter, level] of lintersToRun(options)) {
    for (const finding of await linter.check(subject)) {
      results.push({ ...finding, linter: linter.name, explain: linter.explain, level });
    }
  }
  return {
    results,
    diagnostics: results.map(({ linter, message, explain, level, details }) =>
      diagnostic(
        errors,
        'LINT_FINDING',
        { linter, message, explain, places: findingPlaces(details) },
        { severity: level === 'require' ? 'error' : 'warning' },
      ),
    ),
  };
}

/**
 * Picks the linters to run, each with its level: those that only warn first, then the required ones.
 *
 * @throws {BuildError} LINT_UNKNOWN for a name that no linter has, LINT_DUPLICATE for one that two have.
 */
export function lintersToRun(options: LintOptions): readonly (readonly [Linter, LintResult['level']])[] {
  const { disabled = [], linters = ownLinters } = options;
  const byName = new Map<string, Linter>();
  for (const linter of linters) {
    if (byName.has(linter.name)) throw buildError(errors, 'LINT_DUPLICATE', { name: linter.name });
    byName.set(linter.name, linter);
  }
  const defaults = (level: LintLevel): string[] =>
    linters.filter((l) => l.level === level).map((l) => l.name);
  const find = (name: string): Linter => {
    const linter = byName.get(name);
    if (linter !== undefined) return linter;
    throw buildError(errors, 'LINT_UNKNOWN', { name, near: didYouMean(name, byName.keys()) });
  };
  const required = new Set(
    (options.require ?? defaults('require')).filter((name) => !disabled.includes(name)),
  );
  const warned = new Set([...(options.warn ?? defaults('warn')), ...disabled]);
  return [
    ...[...warned].filter((name) => !required.has(name)).map((name) => [find(name), 'warn'] as const),
    ...[...required].map((name) => [find(name), 'require'] as const),
  ];
}

/** Writes the results of a package as the file that is kept of them: by linter, two blanks of indent. */
export function formatLintResults(packageName: string, results: readonly LintResult[]): string {
  const findings: Record<string, unknown[]> = {};
  for (const { linter, message, explain, details } of results) {
    (findings[linter] ??= []).push({ message, explain, ...(details === undefined ? {} : { details }) });
  }
  return JSON.stringify({ package_name: packageName, findings }, undefined, 2);
}
