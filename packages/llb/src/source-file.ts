import type { Span } from '@melange2/diagnostics';
import type { State } from './state.ts';

/** A file that ops come from. The daemon keeps it, and shows its lines when such an op fails. */
export interface SourceFile {
  /** Name to show, as the user gave it. */
  readonly filename: string;
  readonly data: string | Uint8Array;
  /** For highlighting, such as `YAML`. */
  readonly language?: string;
  /** Where the file itself came from, when the daemon can read it too. */
  readonly state?: State;
}

/** Lines count from 1, characters from 0. */
export interface SourcePosition {
  readonly line: number;
  readonly character: number;
}

export interface SourceRange {
  readonly start: SourcePosition;
  readonly end: SourcePosition;
}

/** Places in a file that an op comes from. */
export interface SourceLocation {
  readonly file: SourceFile;
  readonly ranges: readonly SourceRange[];
}

/** Returns a span as a range of BuildKit: its characters count from 0, columns of a span from 1. */
export function rangeOfSpan({ start, end }: Span): SourceRange {
  return {
    start: { line: start.line, character: start.column - 1 },
    end: { line: end.line, character: end.column - 1 },
  };
}
