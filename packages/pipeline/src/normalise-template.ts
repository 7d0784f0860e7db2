import type { Variables } from '@melange2/config';
import type { NormaliseScript } from './step-draft.ts';

/** Printed scripts of pipeline files, with placeholders for their variables, by text and kinds of values. */
export type PrintedTemplates = Map<string, string>;

const reference = /\$\{\{[ \t\r\n]*([a-zA-Z0-9.\-_]+)[ \t\r\n]*\}\}/g;
// What never means anything to a shell, wherever it stands, unless a dollar or a brace is before it.
const word = /^[A-Za-z0-9_./:@%+,-]+$/;
const meant = /[${]\$\{\{/;
const digits = /^[0-9]+$/;
const reserved: ReadonlySet<string> = new Set(
  'if then elif else fi for in while until do done case esac select function time coproc declare local export readonly typeset nameref let test eval'.split(
    ' ',
  ),
);
const placeholder = /M2v(\d+)v|770(\d{3})077/g;

/**
 * Prints a script of a pipeline file anew, by printing its template once and putting the values in afterwards.
 *
 * Most steps are uses of a few pipelines with other names and versions in them: what these are changes nothing in
 * how a shell reads the text, as long as they are plain words. `undefined` where they are not, or where the
 * template cannot be read by itself: then the script itself has to be printed.
 */
export function normaliseTemplate(
  template: string,
  variables: Variables,
  normalise: NormaliseScript,
  printed: PrintedTemplates,
): string | undefined {
  if (meant.test(template)) return undefined;
  const values: string[] = [];
  let kinds = '';
  const bodies = template.includes('<<') ? literalBodies(template) : [];
  for (const { 1: name = '', index } of template.matchAll(reference)) {
    const value = variables.get(name);
    if (value === undefined) return undefined;
    const body = bodies.find(({ start, end }) => index >= start && index < end);
    if (body !== undefined) {
      if (value.split('\n').some((line) => line.trim() === body.delimiter)) return undefined;
      kinds += 'h';
    } else if (value === '') kinds += 'e';
    else if (digits.test(value)) kinds += 'd';
    else if (word.test(value) && !reserved.has(value)) kinds += 'w';
    else return undefined;
    values.push(value);
  }
  if (values.length > 999) return undefined;
  const key = `${kinds} ${template}`;
  let text = printed.get(key);
  if (text === undefined) {
    if (template.search(placeholder) >= 0) return undefined;
    let index = 0;
    const filled = template.replaceAll(reference, () => {
      const kind = kinds[index];
      const number = index++;
      if (kind === 'e') return '';
      return kind === 'd' ? `770${String(number).padStart(3, '0')}077` : `M2v${number}v`;
    });
    const result = normalise(filled);
    if (!('text' in result)) return undefined;
    ({ text } = result);
    printed.set(key, text);
  }
  return text.replaceAll(
    placeholder,
    (_, a: string | undefined, b: string | undefined) => values[Number(a ?? b)] ?? '',
  );
}

const opening = /<<(-?)[ \t]*(?:'(\w+)'|"(\w+)"|(\w+)(?=[ \t;)|&]|$)|\S)/g;

interface LiteralBody {
  readonly start: number;
  readonly end: number;
  readonly delimiter: string;
}

/** The here-documents whose delimiter is quoted: a shell reads nothing in them, and any value may stand there. */
function literalBodies(template: string): readonly LiteralBody[] {
  const found: LiteralBody[] = [];
  let open: { readonly delimiter: string; readonly start: number; readonly quoted: boolean } | undefined;
  let at = 0;
  for (const line of template.split('\n')) {
    const end = at + line.length + 1;
    if (open !== undefined) {
      if (line === open.delimiter) {
        if (open.quoted) found.push({ start: open.start, end: at, delimiter: open.delimiter });
        open = undefined;
      }
    } else {
      const openings = [...line.matchAll(opening)];
      const [first] = openings;
      const delimiter = first?.[2] ?? first?.[3] ?? first?.[4];
      // Of several in a line, or with tabs taken away, or behind a comment sign, none is taken for sure.
      if (openings.length === 1 && delimiter !== undefined && first?.[1] === '') {
        if (line.slice(0, first.index).includes('#')) return [];
        open = { delimiter, start: end, quoted: first[4] === undefined };
      } else if (openings.length > 0) return [];
    }
    at = end;
  }
  return found;
}
