import { type BuildError, formatPlace, isBuildError } from '@melange2/diagnostics';

/** A line for people about each of the problems that an error stands for. */
export function errorLines(error: unknown): string[] {
  if (!isBuildError(error) || error.diagnostics.length === 0) return [shortError(error)];
  return error.diagnostics.map(({ code, message }) => `${code}: ${message}`);
}

/** One line for people about any error. */
export function shortError(error: unknown): string {
  if (!isBuildError(error)) return error instanceof Error ? error.message : String(error);
  const { code, message, span } = error satisfies BuildError;
  return `${span === undefined ? '' : `${formatPlace(span)}: `}${code}: ${message}`;
}
