import { formatGoValue, formatPrintf, printLine, printValues, sameValue, textOf } from './format-go-value.ts';
import {
  goBool,
  goInt,
  goString,
  type GoValue,
  isTrue,
  none,
  pointedTo,
  TemplateFailure,
  typeOf,
} from './go-value.ts';

/** A function of templates; `and` and `or` are not among them, since they do not look at all their arguments. */
export type TemplateFunction = (args: readonly GoValue[]) => GoValue;

interface Arity {
  readonly least: number;
  readonly most?: number;
}

function counted(name: string, { least, most }: Arity, run: TemplateFunction): TemplateFunction {
  return (args) => {
    if (args.length < least || (most !== undefined && args.length > most)) {
      const wanted =
        least === most ? `${least}` : most === undefined ? `at least ${least}` : `${least} to ${most}`;
      throw new TemplateFailure(`${name} takes ${wanted} arguments and not ${args.length}`);
    }
    return run(args);
  };
}

const one = { least: 1, most: 1 };
const two = { least: 2, most: 2 };

const named: Readonly<Record<string, readonly [Arity, TemplateFunction]>> = {
  call: [{ least: 1 }, ([what = none]) => fail(`${typeOf(what)} is nothing that can be called`)],
  eq: [{ least: 2 }, ([first = none, ...others]) => goBool(others.some((other) => sameValue(first, other)))],
  ge: [two, ([a = none, b = none]) => goBool(compare(a, b) >= 0)],
  gt: [two, ([a = none, b = none]) => goBool(compare(a, b) > 0)],
  html: [{ least: 0 }, (args) => goString(printValues(args).replaceAll(/[\0"'&<>]/g, (c) => html[c] ?? c))],
  index: [
    { least: 1 },
    ([value = none, ...keys]) =>
      value.kind === 'nil' ? fail('nil has no entries') : keys.reduce(entryOf, value),
  ],
  js: [{ least: 0 }, (args) => goString(escapeScript(printValues(args)))],
  le: [two, ([a = none, b = none]) => goBool(compare(a, b) <= 0)],
  len: [one, ([value = none]) => goInt(lengthOf(value))],
  lt: [two, ([a = none, b = none]) => goBool(compare(a, b) < 0)],
  ne: [two, ([a = none, b = none]) => goBool(!sameValue(a, b))],
  not: [one, ([value = none]) => goBool(!isTrue(value))],
  print: [{ least: 0 }, (args) => goString(printValues(args))],
  printf: [
    { least: 1 },
    ([format = none, ...args]) => goString(formatPrintf(textOf(format, 'printf'), args)),
  ],
  println: [{ least: 0 }, (args) => goString(printLine(args))],
  slice: [{ least: 1, most: 4 }, ([value = none, ...bounds]) => sliceOf(value, bounds)],
  urlquery: [{ least: 0 }, (args) => goString(escapeQuery(printValues(args)))],
};

/** The functions by name. */
export const templateFunctions: ReadonlyMap<string, TemplateFunction> = new Map(
  Object.entries(named).map(([name, [arity, run]]) => [name, counted(name, arity, run)]),
);

/** All names that a template may call. */
export const templateFunctionNames: ReadonlySet<string> = new Set([...templateFunctions.keys(), 'and', 'or']);

/** Ends the template here. */
export function fail(reason: string): never {
  throw new TemplateFailure(reason);
}

function compare(a: GoValue, b: GoValue): number {
  if (a.kind === 'int' && b.kind === 'int') return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  if (a.kind === 'float' && b.kind === 'float') return a.value - b.value;
  if (a.kind === 'string' && b.kind === 'string') return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  return fail(`${typeOf(a)} and ${typeOf(b)} have no order`);
}

function lengthOf(given: GoValue): number {
  const value = pointedTo(given);
  switch (value.kind) {
    case 'string':
      return new TextEncoder().encode(value.value).length;
    case 'list':
      return value.items.length;
    case 'map':
      return value.entries.size;
    default:
      return fail(`a value of ${typeOf(value)} has no length`);
  }
}

/** One step of `index`: an entry of a list, a map or a text. */
function entryOf(given: GoValue, key: GoValue): GoValue {
  const value = pointedTo(given);
  switch (value.kind) {
    case 'map':
      return value.entries.get(textOf(key, 'the index of a map')) ?? value.zero;
    case 'list': {
      const at = indexIn(key, value.items.length - 1);
      return value.items[at] ?? none;
    }
    case 'string': {
      const bytes = new TextEncoder().encode(value.value);
      return goInt(bytes[indexIn(key, bytes.length - 1)] ?? 0, 'uint8');
    }
    default:
      return fail(`a value of ${typeOf(value)} has no entries`);
  }
}

function indexIn(key: GoValue, last: number): number {
  if (key.kind !== 'int') return fail(`an index is a whole number and not ${typeOf(key)}`);
  if (key.value < 0n || key.value > BigInt(last)) return fail(`the index ${key.value} is out of range`);
  return Number(key.value);
}

function sliceOf(given: GoValue, bounds: readonly GoValue[]): GoValue {
  const value = pointedTo(given);
  if (value.kind !== 'string' && value.kind !== 'list')
    return fail(`a value of ${typeOf(value)} cannot be sliced`);
  if (value.kind === 'string' && bounds.length === 3) return fail('a text is sliced by two indexes at most');
  const bytes = value.kind === 'string' ? new TextEncoder().encode(value.value) : undefined;
  const length = bytes?.length ?? lengthOf(value);
  const from = bounds[0] === undefined ? 0 : indexIn(bounds[0], length);
  const to = bounds[1] === undefined ? length : indexIn(bounds[1], length);
  if (from > to) return fail(`the slice ends at ${to}, before it begins at ${from}`);
  if (bytes !== undefined) return goString(new TextDecoder().decode(bytes.subarray(from, to)));
  return value.kind === 'list' ? { ...value, items: value.items.slice(from, to) } : value;
}

const html: Readonly<Record<string, string>> = {
  '\0': '\ufffd',
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
};

const script: Readonly<Record<string, string>> = { '\\': '\\\\', "'": "\\'", '"': '\\"' };

function escapeScript(text: string): string {
  return text.replaceAll(
    /[\\'"<>&=\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (c) => script[c] ?? `\\u${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
  );
}

function escapeQuery(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll('%20', '+')
    .replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** What an action prints of a value. */
export function printedValue(value: GoValue): string {
  if (value.kind === 'sequence')
    throw new TemplateFailure('a sequence is for {{range}} and cannot be printed');
  return formatGoValue(value.kind === 'pointer' && value.text === undefined ? pointedTo(value) : value);
}
