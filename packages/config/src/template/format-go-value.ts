import { goQuote } from '../go-quote.ts';
import { type GoValue, isTrue, pointedTo, TemplateFailure, typeOf } from './go-value.ts';

/** A value as `%v` and an action print it. */
export function formatGoValue(value: GoValue, style: 'plain' | 'named' = 'plain'): string {
  switch (value.kind) {
    case 'none':
      return '<no value>';
    case 'nil':
      return '<nil>';
    case 'bool':
    case 'string':
      return String(value.value);
    case 'int':
      return value.text ?? String(value.value);
    case 'float':
      return formatFloat(value.value);
    case 'list':
      return `[${value.items.map((item) => formatGoValue(item, style)).join(' ')}]`;
    case 'map': {
      const entries = [...value.entries].map(([key, item]) => `${key}:${formatGoValue(item, style)}`);
      return `map[${entries.join(' ')}]`;
    }
    case 'struct': {
      const fields = Object.entries(value.fields).map(([name, field]) =>
        style === 'named' ? `${name}:${formatGoValue(field, style)}` : formatGoValue(field, style),
      );
      return `{${fields.join(' ')}}`;
    }
    case 'pointer':
      // Go prints an address here, which is another one each time.
      if (value.text !== undefined) return value.text;
      return value.to === undefined ? '<nil>' : `&${formatGoValue(value.to, style)}`;
    case 'sequence':
      return value.items.map((item) => formatGoValue(item, style)).join(' ');
  }
}

/** A float as Go's `%v`: the shortest that reads back, with an exponent below 1e-4 and from 1e21. */
function formatFloat(value: number): string {
  if (value === 0 || (Math.abs(value) >= 1e-4 && Math.abs(value) < 1e21)) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

/** Values one behind the other, as `print`: with a blank between two of which none is a text. */
export function printValues(values: readonly GoValue[]): string {
  let out = '';
  for (const [i, value] of values.entries()) {
    const before = values[i - 1];
    if (before !== undefined && before.kind !== 'string' && value.kind !== 'string') out += ' ';
    out += formatArgument(value.kind === 'pointer' && value.text === undefined ? pointedTo(value) : value);
  }
  return out;
}

/** Values with blanks between and a line end behind, as `println`. */
export function printLine(values: readonly GoValue[]): string {
  return `${values.map(formatArgument).join(' ')}\n`;
}

function formatArgument(value: GoValue): string {
  return value.kind === 'none' ? '<nil>' : formatGoValue(value);
}

/** Most characters that a verb may be filled up to. */
const maxWidth = 10_000;

const verbPattern = /%([-+# 0]*)(\[\d+\])?(\*|\d+)?(?:\.(\*|\d*))?(\[\d+\])?(.)?/gsu;

/**
 * Formats as Go's `printf`: the verbs `v T t b c d o O q U e E f F g G s x X`, flags, width, precision, indexes of
 * arguments. What does not fit is told in the text, as Go does: `%!d(string=a)`.
 */
export function formatPrintf(format: string, values: readonly GoValue[]): string {
  let next = 0;
  let reordered = false;
  const star = (text: string | undefined): number | undefined => {
    if (text === undefined) return undefined;
    if (text !== '*') return Math.min(Number(text), maxWidth);
    const value = values[next++];
    return value?.kind === 'int' ? Math.min(Number(value.value), maxWidth) : undefined;
  };
  const out = format.replaceAll(
    verbPattern,
    (
      _,
      flags: string,
      before: string | undefined,
      width: string | undefined,
      precision: string | undefined,
      behind: string | undefined,
      verb: string | undefined,
    ) => {
      const index = before ?? behind;
      if (index !== undefined) {
        next = Number(index.slice(1, -1)) - 1;
        reordered = true;
      }
      const wide = star(width);
      const exact = star(precision);
      if (verb === undefined) return '%!(NOVERB)';
      if (verb === '%') return '%';
      const value = values[next++];
      if (value === undefined) return index === undefined ? `%!${verb}(MISSING)` : `%!${verb}(BADINDEX)`;
      const text = formatVerb(verb, value, flags, exact);
      return pad(text, flags, wide, value.kind === 'int' || value.kind === 'float');
    },
  );
  if (reordered || next >= values.length) return out;
  const extra = values.slice(next).map((value) => `${typeOf(value)}=${formatArgument(value)}`);
  return `${out}%!(EXTRA ${extra.join(', ')})`;
}

function pad(text: string, flags: string, width: number | undefined, numeric: boolean): string {
  const missing = (width ?? 0) - Array.from(text).length;
  if (missing <= 0) return text;
  if (flags.includes('-')) return text + ' '.repeat(missing);
  if (!flags.includes('0') || !numeric) return ' '.repeat(missing) + text;
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  return sign + '0'.repeat(missing) + text.slice(sign.length);
}

function formatVerb(verb: string, value: GoValue, flags: string, precision: number | undefined): string {
  if (verb === 'v') return flags.includes('#') ? goSyntax(value) : formatPlain(value, flags);
  if (verb === 'T') return typeOf(value);
  if (value.kind === 'list') {
    return `[${value.items.map((item) => formatVerb(verb, item, flags, precision)).join(' ')}]`;
  }
  const own = verbText(value);
  if (own !== undefined && (verb === 's' || verb === 'q' || verb === 'x' || verb === 'X'))
    return formatText(verb, own, flags, precision);
  const formatted =
    value.kind === 'int'
      ? formatInteger(verb, value.value, flags, precision)
      : value.kind === 'float'
        ? formatDecimal(verb, value.value, flags, precision)
        : value.kind === 'bool' && verb === 't'
          ? String(value.value)
          : undefined;
  return formatted ?? `%!${verb}(${typeOf(value)}=${formatArgument(value)})`;
}

/** What a value is as a text, if it is one. */
function verbText(value: GoValue): string | undefined {
  if (value.kind === 'string') return value.value;
  return value.kind === 'int' || value.kind === 'pointer' ? value.text : undefined;
}

function formatPlain(value: GoValue, flags: string): string {
  if (value.kind === 'int' && value.text === undefined && flags.includes('+') && value.value >= 0n)
    return `+${value.value}`;
  return value.kind === 'none' ? '<nil>' : formatGoValue(value, flags.includes('+') ? 'named' : 'plain');
}

function formatText(verb: string, text: string, flags: string, precision: number | undefined): string {
  const cut = precision === undefined ? text : Array.from(text).slice(0, precision).join('');
  if (verb === 's') return cut;
  if (verb === 'q') return flags.includes('#') && !/[`\n\r\t]/.test(cut) ? `\`${cut}\`` : goQuote(cut);
  const hex = [...new TextEncoder().encode(cut)].map((byte) => byte.toString(16).padStart(2, '0'));
  const joined = hex.join(flags.includes(' ') ? ' ' : '');
  return verb === 'X' ? joined.toUpperCase() : joined;
}

function formatInteger(
  verb: string,
  value: bigint,
  flags: string,
  precision: number | undefined,
): string | undefined {
  const sign = value < 0n ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  const size = value < 0n ? -value : value;
  const point = Number(size);
  const digits = (radix: number): string => size.toString(radix).padStart(precision ?? 0, '0');
  const prefix = (text: string): string => (flags.includes('#') ? text : '');
  switch (verb) {
    case 'd':
      return sign + digits(10);
    case 'b':
      return sign + prefix('0b') + digits(2);
    case 'o':
      return sign + prefix('0') + digits(8);
    case 'O':
      return `${sign}0o${digits(8)}`;
    case 'x':
      return sign + prefix('0x') + digits(16);
    case 'X':
      return sign + prefix('0X') + digits(16).toUpperCase();
    case 'c':
      return point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd';
    case 'q':
      return `'${point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd'}'`;
    case 'U':
      return `U+${size.toString(16).toUpperCase().padStart(4, '0')}`;
    default:
      return undefined;
  }
}

function formatDecimal(
  verb: string,
  value: number,
  flags: string,
  precision: number | undefined,
): string | undefined {
  const sign = flags.includes('+') && value >= 0 ? '+' : '';
  const digits = Math.min(precision ?? 6, 100);
  const exponent = (text: string): string => text.replace(/e([+-])(\d)$/, 'e$10$2');
  switch (verb) {
    case 'f':
    case 'F':
      return sign + value.toFixed(digits);
    case 'e':
      return sign + exponent(value.toExponential(digits));
    case 'E':
      return sign + exponent(value.toExponential(digits)).toUpperCase();
    case 'g':
    case 'G':
      return (
        sign +
        (precision === undefined
          ? formatFloat(value)
          : String(Number(value.toPrecision(Math.max(1, digits)))))
      );
    default:
      return undefined;
  }
}

/** A value as Go source, `%#v`. */
function goSyntax(value: GoValue): string {
  switch (value.kind) {
    case 'string':
      return goQuote(value.value);
    case 'list':
      return `${value.type}{${value.items.map(goSyntax).join(', ')}}`;
    case 'map':
      return `${value.type}{${[...value.entries].map(([key, item]) => `${goQuote(key)}:${goSyntax(item)}`).join(', ')}}`;
    case 'struct':
      return `${value.type}{${Object.entries(value.fields)
        .map(([name, field]) => `${name}:${goSyntax(field)}`)
        .join(', ')}}`;
    case 'pointer':
      return value.to === undefined ? `(${value.type})(nil)` : `&${goSyntax(value.to)}`;
    default:
      return formatArgument(value);
  }
}

/** The text of a value that must be one. */
export function textOf(value: GoValue, what: string): string {
  if (value.kind !== 'string') throw new TemplateFailure(`${what} wants a text and not ${typeOf(value)}`);
  return value.value;
}

/** Whether two values of one kind are equal, as `eq` has it. */
export function sameValue(a: GoValue, b: GoValue): boolean {
  if (a.kind === 'nil' || a.kind === 'none' || b.kind === 'nil' || b.kind === 'none') {
    const other = a.kind === 'nil' || a.kind === 'none' ? b : a;
    return other.kind === 'nil' || other.kind === 'none' || (other.kind === 'pointer' && !isTrue(other));
  }
  if (a.kind !== b.kind) {
    throw new TemplateFailure(`${typeOf(a)} and ${typeOf(b)} cannot be compared`);
  }
  if (
    a.kind === 'list' ||
    a.kind === 'map' ||
    a.kind === 'struct' ||
    a.kind === 'pointer' ||
    a.kind === 'sequence'
  )
    throw new TemplateFailure(`values of ${typeOf(a)} cannot be compared`);
  return a.value === (b as typeof a).value;
}
