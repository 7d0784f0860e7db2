/** A place in a text: `line` and `column` count from 1 (columns in UTF-16 units), `offset` from 0. */
export interface Position {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
}

/** A piece of a file: from `start` up to, not including, `end`. `file` is the path as the user gave it. */
export interface Span {
  readonly file: string;
  readonly start: Position;
  readonly end: Position;
}

/** Returns `file:line:column`, the form terminals and editors make clickable. */
export function formatPlace(span: Span): string {
  return `${span.file}:${span.start.line}:${span.start.column}`;
}

/** Orders spans by file, then by where they start, then by where they end. */
export function compareSpans(a: Span, b: Span): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.start.offset - b.start.offset || a.end.offset - b.end.offset;
}

/** Finds positions in one text by offset; the line table is made once. */
export interface LineMap {
  /** The position of `offset`; offsets outside the text are moved to its nearest end. */
  position(offset: number): Position;
  /** The span from `start` to `end` (offsets). */
  span(start: number, end: number): Span;
}

/** Makes the line table of `text`. Lines end at LF, CR LF or a lone CR. */
export function lineMap(file: string, text: string): LineMap {
  const starts = [0];
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 10 || (c === 13 && text.charCodeAt(i + 1) !== 10)) starts.push(i + 1);
  }
  const position = (wanted: number): Position => {
    const offset = Math.max(0, Math.min(wanted, text.length));
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1, offset };
  };
  return { position, span: (start, end) => ({ file, start: position(start), end: position(end) }) };
}
