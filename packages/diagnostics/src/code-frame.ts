import type { Span } from './span.ts';

export interface CodeFrameOptions {
  /** Lines shown before and after. Default 2. */
  readonly context?: number;
  /** Columns a tab takes. Default 4. */
  readonly tabWidth?: number;
  /** Longest line shown; longer ones are cut around the span. Default 160. */
  readonly width?: number;
  /** Written behind the underline. */
  readonly label?: string;
  /** Paints the marker and the underline; identity by default. */
  readonly paint?: (text: string) => string;
}

/**
 * Shows the lines of `text` around `span`, numbered, the span underlined with `^`.
 *
 * Control characters are shown as `·`, so that a file cannot steer the terminal.
 */
export function codeFrame(text: string, span: Span, options: CodeFrameOptions = {}): string {
  const { context = 2, tabWidth = 4, width = 160, label = '', paint = (t: string): string => t } = options;
  const lines = text.split(/\r\n|\n|\r/);
  const first = Math.max(1, span.start.line - context);
  const last = Math.min(
    lines.length,
    Math.max(span.start.line, Math.min(span.end.line, span.start.line + 3)) + context,
  );
  const digits = String(last).length;
  // How much is shown before a span that stands too far to the right.
  const lead = Math.min(40, Math.floor(width / 2));
  const out: string[] = [];
  for (let number = first; number <= last; number++) {
    const raw = lines[number - 1] ?? '';
    const marked = number >= span.start.line && number <= span.end.line && !endsBefore(span, number);
    const from = number === span.start.line ? span.start.column - 1 : indentOf(raw);
    const to = number === span.end.line ? span.end.column - 1 : raw.length;
    const start = columns(raw.slice(0, from), tabWidth);
    const shift = start > width - lead ? start - lead : 0;
    const shown = visible(raw, tabWidth).slice(shift, shift + width);
    out.push(`${marked ? paint('>') : ' '} ${String(number).padStart(digits)} | ${shown}`.trimEnd());
    if (marked) {
      const length = Math.max(1, columns(raw.slice(from, Math.max(from, to)), tabWidth));
      const underline = '^'.repeat(Math.min(length, Math.max(1, width - (start - shift))));
      const said = label !== '' && number === span.start.line ? ` ${label}` : '';
      out.push(`  ${' '.repeat(digits)} | ${' '.repeat(start - shift)}${paint(underline + said)}`);
    }
  }
  return out.join('\n');
}

function endsBefore(span: Span, line: number): boolean {
  return line === span.end.line && line > span.start.line && span.end.column === 1;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

function columns(text: string, tabWidth: number): number {
  return visible(text, tabWidth).length;
}

function visible(text: string, tabWidth: number): string {
  return text
    .replaceAll('\t', ' '.repeat(tabWidth))
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '·');
}
