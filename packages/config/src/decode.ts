import { diagnostic, didYouMean, type Diagnostic, type Fix, type RelatedPlace } from '@melange2/diagnostics';
import { errors, type Details } from './errors.ts';
import { isMergeKey, NodePlaces, type SourceText } from './node-places.ts';
import type { RangeData } from './package-config.ts';
import type { Places } from './places.ts';
import { resolveScalar } from './resolve-scalar.ts';
import { substituteLiteral, type Variables } from './substitution.ts';
import { isNull, resolved, type YamlMap, type YamlNode, type YamlScalar } from './yaml-node.ts';

/** A JSON Schema, as far as one is needed here. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** How one kind of value is read from a node, and what an editor is told about it. */
export interface ValueType<V> {
  readonly schema: JsonSchema;
  /** The value, or `undefined` where the node has none or a wrong one; the latter has then been reported. */
  decode(node: YamlNode, context: DecodeContext): V | undefined;
  /** The object types that the schema refers to. */
  readonly refers?: () => readonly AnyObjectType[];
}

/** A mapping with fixed keys. */
export interface ObjectType<T> extends ValueType<T> {
  readonly name: string;
  readonly description: string;
  readonly fields: ReadonlyMap<string, Field>;
}

export interface AnyObjectType {
  readonly name: string;
  readonly description: string;
  readonly fields: ReadonlyMap<string, Field>;
}

export interface Field {
  readonly key: string;
  readonly property: string;
  readonly type: ValueType<unknown>;
  readonly description: string;
}

/** One key of a mapping: as the file spells it, the property it becomes, how it is read, what it means. */
export type FieldOf<T> = {
  [K in keyof T & string]: readonly [key: string, property: K, type: ValueType<T[K]>, description: string];
}[keyof T & string];

const noVariables: Variables = { get: () => undefined };

/** Most nodes that one file may stand for, counting what aliases and ranges repeat. */
const maxNodes = 1_000_000;
/** Most characters that ranges may make. */
const maxTextLength = 128 * 1024 * 1024;

interface DecodeOptions {
  /** Whether unknown keys are problems. */
  readonly strict: boolean;
  readonly variables?: Variables;
  readonly data?: readonly RangeData[];
}

/** What reading needs besides the node: where the text is from, what is put in, where problems go. */
export class DecodeContext {
  readonly source: SourceText;
  readonly strict: boolean;
  readonly variables: Variables;
  /** The entries of `data`, for ranges. */
  readonly data: readonly RangeData[];
  readonly #shared: {
    readonly problems: Diagnostic[];
    readonly seen: Set<string>;
    nodes: number;
    textLength: number;
    exhausted: boolean;
  };

  constructor(source: SourceText, options: DecodeOptions, from?: DecodeContext) {
    this.source = source;
    this.strict = options.strict;
    this.variables = options.variables ?? noVariables;
    this.data = options.data ?? [];
    this.#shared =
      from === undefined
        ? { problems: [], seen: new Set(), nodes: 0, textLength: 0, exhausted: false }
        : from.#shared;
  }

  get problems(): readonly Diagnostic[] {
    return this.#shared.problems;
  }

  /** The same reading with other things put in. */
  with(options: Omit<DecodeOptions, 'strict'>): DecodeContext {
    const { strict, variables, data } = this;
    return new DecodeContext(this.source, { strict, variables, data, ...options }, this);
  }

  /** The same reading with its problems left untold: for values that are read again later. */
  quiet(): DecodeContext {
    return new DecodeContext(this.source, this);
  }

  /** Counts work; `false` once there is too much of it, which is reported once. */
  spend(node: YamlNode, nodes: number, textLength: number): boolean {
    const shared = this.#shared;
    shared.nodes += nodes;
    shared.textLength += textLength;
    if (shared.nodes <= maxNodes && shared.textLength <= maxTextLength) return true;
    if (!shared.exhausted) {
      shared.exhausted = true;
      this.report('CONFIG_TOO_LARGE', { limit: `${maxNodes} values` }, node);
    }
    return false;
  }

  report<Code extends keyof Details>(
    code: Code,
    details: Details[Code],
    node: { readonly start: number; readonly end: number },
    more: { readonly fix?: Fix; readonly related?: readonly RelatedPlace[]; readonly hint?: string } = {},
  ): void {
    this.add(diagnostic(errors, code, details, { span: this.source.span(node), ...more }));
  }

  /** Adds a problem, unless the same one was found at the same place: ranges read a node many times. */
  add(problem: Diagnostic): void {
    const { problems, seen } = this.#shared;
    const place = problem.span;
    const key = `${problem.code} ${place?.file} ${place?.start.offset} ${place?.end.offset} ${problem.message}`;
    if (seen.has(key) || problems.length >= maxProblems) return;
    seen.add(key);
    problems.push(problem);
  }
}

const maxProblems = 1000;

/** Defines a mapping with fixed keys. `empty` makes the value without any key. */
export function objectType<T extends { readonly at: Places }>(
  name: string,
  description: string,
  empty: (at: Places) => T,
  fields: readonly FieldOf<T>[],
): ObjectType<T> {
  const byKey = new Map<string, Field>(
    fields.map(([key, property, type, said]) => [key, { key, property, type, description: said }]),
  );
  const type: ObjectType<T> = {
    name,
    description,
    fields: byKey,
    schema: { $ref: `#/$defs/${name}` },
    refers: () => [type],
    decode: (node, context) => {
      const map = asMap(node, context, name);
      if (map === undefined) return undefined;
      const out = empty(new NodePlaces(context.source, map, context.variables));
      fill(type, out, map, context, undefined);
      return out;
    },
  };
  return type;
}

/** The map that `node` is, or nothing after a report. */
export function asMap(node: YamlNode, context: DecodeContext, wanted: string): YamlMap | undefined {
  const map = resolved(node);
  if (map.kind !== 'map') {
    context.report('CONFIG_TYPE_WRONG', { wanted: `a mapping (${wanted})`, found: describe(node) }, node);
    return undefined;
  }
  return context.spend(node, 1 + map.keys.length, 0) ? map : undefined;
}

function fill(
  type: AnyObjectType,
  out: Record<string, unknown>,
  map: YamlMap,
  context: DecodeContext,
  done: Set<string> | undefined,
): void {
  if (reportDuplicates(map, context)) return;
  let merge: YamlNode | undefined;
  for (let i = 0; i < map.keys.length; i++) {
    const key = map.keys[i];
    const value = map.values[i];
    if (key === undefined || value === undefined) break;
    if (isMergeKey(key)) {
      merge = value;
      continue;
    }
    const name = keyText(key, context);
    if (name === undefined || done?.has(name) === true) continue;
    const field = type.fields.get(name);
    if (field === undefined) {
      if (context.strict) reportUnknown(type, name, key, map, context);
    } else if (!isNull(value)) {
      const decoded = field.type.decode(value, context);
      if (decoded !== undefined) out[field.property] = decoded;
    }
  }
  if (merge !== undefined) {
    const seen = done ?? new Set<string>();
    for (const key of map.keys) if (key.kind === 'scalar' && !isMergeKey(key)) seen.add(key.text);
    for (const from of mergedMaps(merge, context)) {
      fill(type, out, from, context, seen);
      for (const key of from.keys) if (key.kind === 'scalar') seen.add(key.text);
    }
  }
}

/** The maps that a `<<` brings, those with precedence first. */
function mergedMaps(node: YamlNode, context: DecodeContext): YamlMap[] {
  const from = resolved(node);
  const items = from.kind === 'list' ? from.items : [node];
  const maps: YamlMap[] = [];
  for (const item of items) {
    const map = resolved(item);
    if (map.kind === 'map') {
      if (context.spend(item, 1 + map.keys.length, 0)) maps.push(map);
    } else context.report('CONFIG_MERGE_INVALID', { found: describe(item) }, item);
  }
  return maps;
}

/** The text of a key; `undefined` for null keys, which are no keys, and after a report for collections. */
function keyText(key: YamlNode, context: DecodeContext): string | undefined {
  const node = resolved(key);
  if (node.kind !== 'scalar') {
    context.report('CONFIG_TYPE_WRONG', { wanted: 'a text as key', found: describe(key) }, key);
    return undefined;
  }
  return isNull(node) ? undefined : scalarText(node, context);
}

/** Reports keys that stand twice in one map; such a map is not read. */
function reportDuplicates(map: YamlMap, context: DecodeContext): boolean {
  const { keys } = map;
  if (keys.length < 2) return false;
  const seen = new Map<string, YamlNode>();
  let found = false;
  for (const key of keys) {
    const node = resolved(key);
    const text = node.kind === 'scalar' ? node.text : `\0${node.kind}`;
    const before = seen.get(text);
    if (before === undefined) seen.set(text, key);
    else {
      found = true;
      const name = node.kind === 'scalar' ? node.text : node.kind;
      context.report('CONFIG_KEY_DUPLICATE', { key: name }, key, {
        related: [{ span: context.source.span(before), message: 'It was given here first.' }],
      });
    }
  }
  return found;
}

function reportUnknown(
  type: AnyObjectType,
  name: string,
  key: YamlNode,
  map: YamlMap,
  context: DecodeContext,
): void {
  if (context.problems.length >= maxProblems) return;
  // Enough to see what is taken; a file with thousands of wrong keys must not take the square of that.
  const present = new Set(map.keys.slice(0, 200).map((k) => (k.kind === 'scalar' ? k.text : '')));
  const free = [...type.fields.keys()].filter((k) => !present.has(k));
  const meant = didYouMean(name, free);
  const details = { key: name, where: type.name, known: [...type.fields.keys()], meant };
  context.report(
    'CONFIG_KEY_UNKNOWN',
    details,
    key,
    meant === undefined
      ? {}
      : {
          fix: {
            title: `rename it to "${meant}"`,
            edits: [{ span: context.source.span(key), text: meant }],
          },
        },
  );
}

/** Says what a node is, for messages. */
export function describe(node: YamlNode): string {
  const at = resolved(node);
  if (at.kind === 'map') return 'a mapping';
  if (at.kind === 'list') return 'a list';
  const { tag } = resolveScalar(at);
  const kind =
    tag === '!!int' || tag === '!!float'
      ? 'the number'
      : tag === '!!bool'
        ? 'the truth value'
        : tag === '!!timestamp'
          ? 'the date'
          : tag === '!!null'
            ? 'nothing'
            : 'the text';
  const shown = at.text.length > 40 ? `${at.text.slice(0, 37)}...` : at.text;
  return tag === '!!null' ? kind : `${kind} ${JSON.stringify(shown)}`;
}

function scalarOf(node: YamlNode, context: DecodeContext, wanted: string): YamlScalar | undefined {
  const at = resolved(node);
  if (at.kind !== 'scalar') {
    context.report('CONFIG_TYPE_WRONG', { wanted, found: describe(node) }, node);
    return undefined;
  }
  return context.spend(node, 1, 0) ? at : undefined;
}

/** The text of a scalar, whatever it would be otherwise. */
function scalarText(node: YamlNode, context: DecodeContext): string | undefined {
  const at = scalarOf(node, context, 'a text');
  if (at?.tag === undefined) return at?.text;
  if (at.tag === '!!binary') {
    const compact = at.text.replaceAll(/[\r\n]/g, '');
    if (/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(compact))
      return base64(compact);
    context.report('CONFIG_TYPE_WRONG', { wanted: 'base64', found: describe(node) }, node);
    return undefined;
  }
  if (resolveScalar(at).invalid === true) {
    context.report(
      'CONFIG_TYPE_WRONG',
      { wanted: `a value for its tag ${at.tag}`, found: describe(node) },
      node,
    );
    return undefined;
  }
  return at.text;
}

function base64(text: string): string {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

/** A text, taken from any scalar as it is written; nothing is put in. */
export const rawText: ValueType<string> = {
  schema: { type: ['string', 'number', 'boolean', 'null'] },
  decode: scalarText,
};

/** A text with the variables of parse time put in. */
export const text: ValueType<string> = {
  schema: rawText.schema,
  decode: (node, context) => {
    const raw = scalarText(node, context);
    if (raw === undefined || !raw.includes('${{')) return raw;
    const out = substituteLiteral(raw, context.variables);
    return context.spend(node, 0, out.length) ? out : undefined;
  },
};

/** A list; null items are dropped. */
export function list<V>(item: ValueType<V>): ValueType<readonly V[]> {
  return {
    schema: { type: ['array', 'null'], items: item.schema },
    ...(item.refers === undefined ? {} : { refers: item.refers }),
    decode: (node, context) => {
      const from = resolved(node);
      if (from.kind !== 'list') {
        context.report(
          'CONFIG_TYPE_WRONG',
          { wanted: 'a list', found: describe(node) },
          node,
          listFix(node, context),
        );
        return undefined;
      }
      if (!context.spend(node, 1 + from.items.length, 0)) return undefined;
      const out: V[] = [];
      for (const one of from.items) {
        if (isNull(one)) continue;
        const value = item.decode(one, context);
        if (value !== undefined) out.push(value);
      }
      return out;
    },
  };
}

function listFix(node: YamlNode, context: DecodeContext): { fix?: Fix } {
  const at = resolved(node);
  if (at.kind !== 'scalar' || at.style === 'literal' || at.style === 'folded') return {};
  const start = { start: node.start, end: node.start };
  const end = { start: node.end, end: node.end };
  const edits = [
    { span: context.source.span(start), text: '[' },
    { span: context.source.span(end), text: ']' },
  ];
  return { fix: { title: 'make it a list of one', edits } };
}

/** A mapping with free keys. */
export function mapOf<V>(item: ValueType<V>, whenNull?: V): ValueType<Readonly<Record<string, V>>> {
  return {
    schema: { type: ['object', 'null'], additionalProperties: item.schema },
    ...(item.refers === undefined ? {} : { refers: item.refers }),
    decode: (node, context) => {
      const map = asMap(node, context, 'names to values');
      if (map === undefined) return undefined;
      const out = emptyRecord<V>();
      fillMap(out, map, context);
      return out;
    },
  };

  function fillMap(out: Record<string, V>, map: YamlMap, context: DecodeContext): void {
    if (reportDuplicates(map, context)) return;
    let merge: YamlNode | undefined;
    for (let i = 0; i < map.keys.length; i++) {
      const key = map.keys[i];
      const value = map.values[i];
      if (key === undefined || value === undefined) break;
      if (isMergeKey(key)) {
        merge = value;
        continue;
      }
      const name = keyText(key, context);
      if (name === undefined || name in out) continue;
      const decoded = isNull(value) ? whenNull : item.decode(value, context);
      if (decoded !== undefined) out[name] = decoded;
    }
    if (merge !== undefined) for (const from of mergedMaps(merge, context)) fillMap(out, from, context);
  }
}

/** A record without a prototype, so that `constructor` and `__proto__` are keys like others. */
export function emptyRecord<V>(): Record<string, V> {
  return Object.create(null) as Record<string, V>;
}

/** Truth values: `true`, `false` and YAML 1.1's words, those also in quotes. */
export const truth: ValueType<boolean> = {
  schema: { type: ['boolean', 'null'] },
  decode: (node, context) => {
    const at = scalarOf(node, context, 'true or false');
    if (at === undefined) return undefined;
    const { value, invalid } = resolveScalar(at);
    if (invalid !== true) {
      if (typeof value === 'boolean') return value;
      if (typeof value === 'string') {
        if (/^(?:y|Y|yes|Yes|YES|on|On|ON)$/.test(value)) return true;
        if (/^(?:n|N|no|No|NO|off|Off|OFF)$/.test(value)) return false;
      }
    }
    const quoted = /^(?:true|false)$/i.exec(at.text);
    context.report(
      'CONFIG_TYPE_WRONG',
      { wanted: 'true or false', found: describe(node) },
      node,
      quoted === null
        ? {}
        : {
            fix: {
              title: 'take the quotes away',
              edits: [{ span: context.source.span(node), text: at.text.toLowerCase() }],
            },
          },
    );
    return undefined;
  },
};

/** An integer within bounds; a number with a fraction is cut, as the references do. */
export function integer(min: bigint, max: bigint, said: string): ValueType<bigint> {
  return {
    schema: { type: ['integer', 'number', 'null'] },
    decode: (node, context) => {
      const at = scalarOf(node, context, said);
      if (at === undefined) return undefined;
      const { value, invalid } = resolveScalar(at);
      if (invalid !== true) {
        if (typeof value === 'bigint' && value >= min && value <= max) return value;
        if (typeof value === 'number' && Number.isFinite(value) && value <= Number(max)) {
          const cut = BigInt(Math.trunc(value));
          // 2^64 as a float does not fit, and wraps to the highest signed value in Go.
          if (cut > max) return 2n ** 63n;
          if (cut >= min) return cut;
        }
      }
      context.report('CONFIG_TYPE_WRONG', { wanted: said, found: describe(node) }, node);
      return undefined;
    },
  };
}

/** An integer that a number holds exactly enough. */
export function count(min: bigint, max: bigint, said: string): ValueType<number> {
  const exact = integer(min, max, said);
  return {
    schema: exact.schema,
    decode: (node, context) => {
      const value = exact.decode(node, context);
      return value === undefined ? undefined : Number(value);
    },
  };
}
