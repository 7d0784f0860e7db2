import { diagnostic, didYouMean, buildError, type Diagnostic } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import type { Finding, Linter, LintLevel, LintSubject } from './linter.ts';
import { linters } from './linters.ts';

export interface LintOptions {
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
 * @throws {BuildError} LINT_UNKNOWN for a name that no linter has.
 */
export async function lintPackage(subject: LintSubject, options: LintOptions = {}): Promise<LintReport> {
  const disabled = options.disabled ?? [];
  const required = (options.require ?? defaults('require')).filter((name) => !disabled.includes(name));
  const warned = [...new Set([...(options.warn ?? defaults('warn')), ...disabled])];
  const runs: [linter: Linter, level: LintResult['level']][] = [
    ...warned
      .filter((name) => !required.includes(name))
      .map((name) => [find(name), 'warn'] as [Linter, 'warn']),
    ...required.map((name) => [find(name), 'require'] as [Linter, 'require']),
  ];
  const results: LintResult[] = [];
  for (const [linter, level] of runs) {
    for (const finding of await linter.check(subject)) {
      results.push({ ...finding, linter: linter.name, explain: linter.explain, level });
    }
  }
  return {
    results,
    diagnostics: results.map(({ linter, message, explain, level }) =>
      diagnostic(
        errors,
        'LINT_FINDING',
        { linter, message, explain },
        { severity: level === 'require' ? 'error' : 'warning' },
      ),
    ),
  };
}

/** Writes the results of a package as the file that is kept of them: by linter, two blanks of indent. */
export function formatLintResults(packageName: string, results: readonly LintResult[]): string {
  const findings: Record<string, unknown[]> = {};
  for (const { linter, message, explain, details } of results) {
    (findings[linter] ??= []).push({ message, explain, ...(details === undefined ? {} : { details }) });
  }
  return JSON.stringify({ package_name: packageName, findings }, undefined, 2);
}

function defaults(level: LintLevel): string[] {
  return linters.filter((l) => l.level === level).map((l) => l.name);
}

function find(name: string): Linter {
  const linter = linters.find((l) => l.name === name);
  if (linter !== undefined) return linter;
  const near = didYouMean(
    name,
    linters.map((l) => l.name),
  );
  throw buildError(errors, 'LINT_UNKNOWN', { name, near });
}
