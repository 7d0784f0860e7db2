import { compareSpans, type Span } from './span.ts';

export type Severity = 'error' | 'warning' | 'info';

/** One replacement in a file; an empty span inserts. */
export interface TextEdit {
  readonly span: Span;
  readonly text: string;
}

/** A change that would mend the problem. */
export interface Fix {
  /** What it does, as an imperative sentence without full stop: `add "uses: fetch"`. */
  readonly title: string;
  readonly edits: readonly TextEdit[];
}

/** A second place that belongs to a problem, such as the first of two equal keys. */
export interface RelatedPlace {
  readonly span: Span;
  readonly message: string;
}

/** One problem in one input. Problems are collected and reported all at once. */
export interface Diagnostic {
  /** Permanent: `AREA_WHAT`, with a page `docs/errors/<code>.md`. */
  readonly code: string;
  readonly severity: Severity;
  /** What is wrong and why, in whole sentences. */
  readonly message: string;
  readonly span?: Span;
  /** What to do about it, when the message does not say. */
  readonly hint?: string;
  readonly related?: readonly RelatedPlace[];
  readonly fix?: Fix;
}

/** A value with the problems found on the way; without a value when they are fatal. */
export interface Parsed<T> {
  readonly value?: T;
  readonly diagnostics: readonly Diagnostic[];
}

/** Orders by place (problems without one first), then by code; equal places keep their order. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return diagnostics.toSorted((a, b) => {
    if (a.span === undefined || b.span === undefined) {
      return (a.span === undefined ? 0 : 1) - (b.span === undefined ? 0 : 1);
    }
    return compareSpans(a.span, b.span) || (a.code < b.code ? -1 : a.code > b.code ? 1 : 0);
  });
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((d) => d.severity === 'error');
}

/** The one of `candidates` that `text` was most likely meant to be, if any is close enough: misspelt or cut short. */
export function didYouMean(text: string, candidates: Iterable<string>): string | undefined {
  const limit = Math.max(1, Math.floor(text.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    // What only lacks its end is nearer than what has two other letters.
    const cutShort = text.length >= 4 && candidate.length > text.length && candidate.startsWith(text);
    if (cutShort && bestDistance > 2) {
      best = candidate;
      bestDistance = 2;
      continue;
    }
    if (Math.abs(candidate.length - text.length) > limit) continue;
    const distance = editDistance(text.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(
        (previous[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforePrevious[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
