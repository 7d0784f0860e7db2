import type { Diagnostic } from './diagnostic.ts';
import type { Span } from './span.ts';

/** What a code means: a title for headings and a message made from its details. */
export interface ErrorEntry<D> {
  readonly title: string;
  readonly message: (details: D) => string;
  /** The next thing to do, most often a command. */
  readonly hint?: (details: D) => string | undefined;
}

/** All codes of one package. Codes are permanent; each has a page `docs/errors/<CODE>.md`. */
export type ErrorCatalogue<Details> = { readonly [Code in keyof Details]: ErrorEntry<Details[Code]> };

export interface BuildErrorOptions {
  readonly cause?: unknown;
  readonly span?: Span;
  /** The single problems, when the error stands for several. */
  readonly diagnostics?: readonly Diagnostic[];
}

/** An error for the user. Any other `Error` is a bug and is shown with its stack. */
export class BuildError extends Error {
  readonly code: string;
  readonly title: string;
  readonly details: unknown;
  readonly hint: string | undefined;
  readonly span: Span | undefined;
  readonly diagnostics: readonly Diagnostic[];

  constructor(
    code: string,
    title: string,
    message: string,
    details: unknown,
    options: BuildErrorOptions & { readonly hint?: string | undefined } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BuildError';
    this.code = code;
    this.title = title;
    this.details = details;
    this.hint = options.hint;
    this.span = options.span;
    this.diagnostics = options.diagnostics ?? [];
  }
}

/** Makes the error with this code. `details` are what its message needs. */
export function buildError<Details, Code extends keyof Details & string>(
  catalogue: ErrorCatalogue<Details>,
  code: Code,
  details: Details[Code],
  options: BuildErrorOptions = {},
): BuildError {
  const entry = catalogue[code];
  return new BuildError(code, entry.title, entry.message(details), details, {
    ...options,
    hint: entry.hint?.(details),
  });
}

/** The same error with the place of what led to it, unless it has one; anything else than such an error is left alone. */
export function withPlace(error: unknown, span: Span | undefined): unknown {
  if (!isBuildError(error) || error.span !== undefined || span === undefined) return error;
  const { code, title, message, details, cause, diagnostics, hint } = error;
  return new BuildError(code, title, message, details, { cause, span, diagnostics, hint });
}

/** Makes a diagnostic from a catalogue entry, so that one code has one message wherever it is met. */
export function diagnostic<Details, Code extends keyof Details & string>(
  catalogue: ErrorCatalogue<Details>,
  code: Code,
  details: Details[Code],
  more: Omit<Diagnostic, 'code' | 'message' | 'severity'> & {
    readonly severity?: Diagnostic['severity'];
  } = {},
): Diagnostic {
  const entry = catalogue[code];
  const hint = more.hint ?? entry.hint?.(details);
  return {
    ...more,
    code,
    severity: more.severity ?? 'error',
    message: entry.message(details),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Tells by shape, not by class, so that it also works across two copies of this package. */
export function isBuildError(value: unknown): value is BuildError {
  return value instanceof Error && value.name === 'BuildError' && 'code' in value && 'title' in value;
}
