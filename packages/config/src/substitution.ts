import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { goQuote } from './go-quote.ts';
import { TextMapBuilder, type TextMap } from './text-origin.ts';

/** Values of variables by name without braces: `package.name`, `vars.x`, `inputs.uri`. A `Map` is one. */
export interface Variables {
  get(name: string): string | undefined;
}

/** One thing wrong with a `${{…}}`. */
export interface SubstitutionProblem {
  readonly kind: 'undefined' | 'empty' | 'unterminated';
  /** The variable's name, as far as it could be read. */
  readonly name: string;
  /** Where it stands in the text: from `${{` to the end of what was read. */
  readonly start: number;
  readonly end: number;
}

export interface Substituted {
  /** The text with every variable put in; the variables that have problems are left as they were. */
  readonly text: string;
  readonly problems: readonly SubstitutionProblem[];
}

const noProblems: readonly SubstitutionProblem[] = [];

/**
 * Puts variables into `text`, strictly: an unknown or malformed `${{…}}` is a problem.
 *
 * Blanks, tabs and line ends may stand inside the braces. What is put in is not read again. There is no
 * escape for `${{`; `${x}` and `$((` are left alone.
 *
 * @throws {BuildError} CONFIG_TOO_LARGE when the result is longer than 16 Mi characters.
 */
export function substitute(text: string, variables: Variables): Substituted {
  if (!text.includes('${{')) return { text, problems: noProblems };
  return strict(text, variables, plainValue);
}

/** As {@link substitute}, and says which characters of the result came from where. */
export function substituteTraced(
  text: string,
  variables: Variables,
): Substituted & { readonly map: TextMap } {
  const builder = new TextMapBuilder();
  const result = strict(text, variables, plainValue, builder);
  return { ...result, map: builder.finish(text.length, result.text.length) };
}

/**
 * Puts variables into the text of a condition: quoted as a string where one is an operand, bare inside quotes.
 *
 * So `${{build.arch}} == 'x86_64'` and `'${{build.arch}}' == 'x86_64'` mean the same. The references know
 * only the first; the second is a comparison with `"x86_64"`, quotes included, there.
 */
export function substituteCondition(text: string, variables: Variables): Substituted {
  if (!text.includes('${{')) return { text, problems: noProblems };
  return strict(text, variables, conditionValue());
}

/**
 * Puts in the variables that are known and leaves all else, malformed or unknown, as it is: no blanks inside
 * the braces, one pass, never a problem.
 */
export function substituteLiteral(text: string, variables: Variables, builder?: TextMapBuilder): string {
  return literal(text, variables, plainValue, builder);
}

function literal(text: string, variables: Variables, insert: Insert, builder?: TextMapBuilder): string {
  let open = text.indexOf('${{');
  if (open < 0) return text;
  let out = '';
  let done = 0;
  for (;;) {
    const close = text.indexOf('}}', open + 3);
    if (close < 0) break;
    // Of nested openings only the innermost can be a name.
    const start = Math.max(open, text.lastIndexOf('${{', close));
    const value = variables.get(text.slice(start + 3, close));
    if (value !== undefined) {
      builder?.copy(out.length, done);
      out += text.slice(done, start);
      builder?.put(out.length, start);
      out += insert(value, text, start);
      checkLength(out.length);
      done = close + 2;
    }
    open = text.indexOf('${{', close + (value === undefined ? 1 : 2));
    if (open < 0) break;
  }
  if (done === 0) return text;
  builder?.copy(out.length, done);
  return out + text.slice(done);
}

/**
 * As {@link substituteLiteral}, for conditions: a value becomes a quoted string where it is an operand, and
 * stays bare inside quotes.
 */
export function substituteLiteralCondition(
  text: string,
  variables: Variables,
  builder?: TextMapBuilder,
): string {
  return literal(text, variables, conditionValue(), builder);
}

/** Longest text that variables may make, in UTF-16 units. */
const maxLength = 16 * 1024 * 1024;

/**
 * Stops texts that grow with each variable put into another.
 *
 * @throws {BuildError} CONFIG_TOO_LARGE when a text is longer than `limit`, 16 Mi characters by default.
 */
export function checkLength(length: number, limit: number = maxLength): void {
  if (length > limit)
    throw buildError(errors, 'CONFIG_TOO_LARGE', { limit: `${limit} characters in one text` });
}

type Insert = (value: string, text: string, start: number) => string;

const plainValue: Insert = (value) => value;

/** Puts values into a condition. Made for one text, whose variables it is asked for from left to right. */
function conditionValue(): Insert {
  const openQuote = quoteReader();
  return (value, text, start) => {
    if (openQuote(text, start) === undefined) return goQuote(value);
    return value.replaceAll(/[\\'"\n\t]/g, (c) => (c === '\n' ? '\\n' : c === '\t' ? '\\t' : `\\${c}`));
  };
}

/** Tells the quote that is open before `end`, which must not go back from call to call. */
function quoteReader(): (text: string, end: number) => string | undefined {
  let quote: string | undefined;
  let at = 0;
  return (text, end) => {
    for (; at < end; at++) {
      const c = text.charAt(at);
      if (quote === undefined) {
        if (c === '"' || c === "'") quote = c;
      } else if (c === '\\') at++;
      else if (c === quote) quote = undefined;
    }
    return quote;
  };
}

function strict(text: string, variables: Variables, insert: Insert, builder?: TextMapBuilder): Substituted {
  let problems: SubstitutionProblem[] | undefined;
  let out = '';
  let done = 0;
  let start = text.indexOf('${{');
  while (start >= 0) {
    const nameStart = skipSpace(text, start + 3);
    const nameEnd = skipName(text, nameStart);
    const close = skipSpace(text, nameEnd);
    const name = text.slice(nameStart, nameEnd);
    const closed = text.startsWith('}}', close);
    const kind = name === '' ? 'empty' : closed ? 'undefined' : 'unterminated';
    const end = closed ? close + 2 : nameEnd;
    const value = closed && name !== '' ? variables.get(name) : undefined;
    if (value === undefined) (problems ??= []).push({ kind, name, start, end });
    else {
      builder?.copy(out.length, done);
      out += text.slice(done, start);
      builder?.put(out.length, start);
      out += insert(value, text, start);
      checkLength(out.length);
      done = end;
    }
    start = text.indexOf('${{', end);
  }
  builder?.copy(out.length, done);
  return { text: out + text.slice(done), problems: problems ?? noProblems };
}

function skipSpace(text: string, at: number): number {
  let i = at;
  for (;;) {
    const c = text.charCodeAt(i);
    if (c !== 32 && c !== 9 && c !== 10 && c !== 13) return i;
    i++;
  }
}

function skipName(text: string, at: number): number {
  let i = at;
  for (;;) {
    const c = text.charCodeAt(i);
    const named =
      (c >= 97 && c <= 122) ||
      (c >= 65 && c <= 90) ||
      (c >= 48 && c <= 57) ||
      c === 46 ||
      c === 45 ||
      c === 95;
    if (!named) return i;
    i++;
  }
}
