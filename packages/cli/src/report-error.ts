import {
  type BuildError,
  type Diagnostic,
  formatDiagnostic,
  type FormatOptions,
  isBuildError,
  sortDiagnostics,
  wrapWords,
} from '@melange2/diagnostics';
import { plainLine } from '@melange2/progress';
import { exitCodeOf, exitCodes } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

/** Reads the text of a file for code frames; `undefined` when it cannot be read. */
export type ReadSource = (file: string) => string | undefined;

/** Prints `error` for people on standard error and returns the exit code it stands for. */
export function reportError(error: unknown, terminal: Terminal, readSource: ReadSource): number {
  if (terminal.signal.aborted && !(isBuildError(error) && exitCodeOf(error.code) === exitCodes.usage)) {
    terminal.stderr(`${terminal.colors.yellow('canceled')}\n`);
    return exitCodes.interrupted;
  }
  if (!isBuildError(error)) {
    const { colors } = terminal;
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    terminal.stderr(
      `${colors.red('This is a bug in melange2.')} Please report it with the lines below.\n${text}\n`,
    );
    for (
      let cause = error instanceof Error ? error.cause : undefined;
      cause instanceof Error;
      cause = cause.cause
    ) {
      terminal.stderr(`caused by: ${cause.stack ?? cause.message}\n`);
    }
    return exitCodes.bug;
  }
  terminal.stderr(`${formatBuildError(error, terminal, readSource)}\n`);
  return exitCodeOf(error.code);
}

/** Formats one problem with its frame; for a terminal when that has `columns`. */
export function formatProblem(
  problem: Diagnostic,
  terminal: Terminal,
  readSource: ReadSource,
  columns?: number,
): string {
  const { colors } = terminal;
  const paints = {
    error: colors.red,
    warning: colors.yellow,
    info: colors.cyan,
    bold: colors.bold,
    dim: colors.dim,
  };
  const paint: FormatOptions['paint'] = (style, text) => paints[style](text);
  return formatDiagnostic(problem, { readSource, columns, paint });
}

/** Lines of a failed step that are shown with the error. */
const shownLines = 20;

function formatBuildError(error: BuildError, terminal: Terminal, readSource: ReadSource): string {
  const { colors } = terminal;
  const columns = terminal.columns();
  const show = (problem: Diagnostic): string => formatProblem(problem, terminal, readSource, columns);
  if (error.diagnostics.length > 0) {
    const problems = sortDiagnostics(error.diagnostics);
    const help = error.hint === undefined ? [] : [`  ${colors.bold('help:')} ${error.hint}`];
    const texts = [colors.red(error.message), ...help].flatMap((text) => wrapWords(text, columns));
    return [...problems.map(show), '', ...texts].join('\n');
  }
  const problem: Diagnostic = {
    code: error.code,
    severity: 'error',
    message: error.message,
    ...(error.span === undefined ? {} : { span: error.span }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
  return [...lastLines(error, terminal), show(problem)].join('\n');
}

/** What a failed step printed last: most often the reason stands there. */
function lastLines(error: BuildError, { colors }: Terminal): string[] {
  const { tail } = (error.details ?? {}) as { readonly tail?: readonly string[] };
  if (tail === undefined || tail.length === 0) return [];
  const shown = tail.slice(-shownLines).map((line) => `  ${colors.dim('│')} ${plainLine(line)}`);
  return ['', 'The last lines of the step:', ...shown, ''];
}
