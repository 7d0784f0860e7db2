import { BuildError, type Diagnostic, isBuildError, type Redactor } from '@melange2/diagnostics';

/** Takes secrets out of everything that is printed of an error. Other errors than the user's come back as they are. */
export function redactError(error: unknown, redactor: Redactor): unknown {
  if (!isBuildError(error)) return error;
  const { code, title, message, details, hint, span, diagnostics, cause } = error;
  const redact = (text: string): string => redactor.redact(text);
  return new BuildError(code, title, redact(message), redactValue(details, redact), {
    cause,
    ...(span === undefined ? {} : { span }),
    ...(hint === undefined ? {} : { hint: redact(hint) }),
    diagnostics: diagnostics.map((problem): Diagnostic => ({ ...problem, message: redact(problem.message) })),
  });
}

function redactValue(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((item: unknown) => redactValue(item, redact));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redactValue(item, redact)]));
}
