import { codeFrame } from './code-frame.ts';
import type { Diagnostic } from './diagnostic.ts';
import { formatPlace } from './span.ts';
import { wrapWords } from './wrap-words.ts';

export interface FormatOptions {
  /** The text of a file, for the code frame; no frame when it is not known. */
  readonly readSource?: (file: string) => string | undefined;
  /** Width of the terminal: texts are parted between words, and lines of frames cut. Default: neither. */
  readonly columns?: number | undefined;
  readonly paint?: (style: 'error' | 'warning' | 'info' | 'bold' | 'dim', text: string) => string;
}

/** Formats one problem for people: `place: severity CODE: message`, its frame, and what to do. */
export function formatDiagnostic(problem: Diagnostic, options: FormatOptions = {}): string {
  const {
    readSource = (): undefined => undefined,
    columns,
    paint = (_: string, text: string): string => text,
  } = options;
  // Before a line of a frame stand its mark and number.
  const frame = columns === undefined ? {} : { width: Math.max(16, columns - 12) };
  const prose = (text: string): string => wrapWords(text, columns).join('\n');
  const place = problem.span === undefined ? '' : `${paint('bold', formatPlace(problem.span))}: `;
  const out = [
    prose(`${place}${paint(problem.severity, problem.severity)} ${problem.code}: ${problem.message}`),
  ];
  if (problem.span !== undefined) {
    const text = readSource(problem.span.file);
    if (text !== undefined) {
      out.push(indent(codeFrame(text, problem.span, { ...frame, paint: (t) => paint(problem.severity, t) })));
    }
  }
  for (const related of problem.related ?? []) {
    out.push(prose(`  ${formatPlace(related.span)}: ${related.message}`));
    const text = readSource(related.span.file);
    if (text !== undefined) out.push(indent(codeFrame(text, related.span, { ...frame, context: 0 })));
  }
  if (problem.fix !== undefined) out.push(prose(`  ${paint('bold', 'fix:')} ${problem.fix.title}`));
  if (problem.hint !== undefined) out.push(prose(`  ${paint('bold', 'help:')} ${problem.hint}`));
  return out.join('\n');
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
