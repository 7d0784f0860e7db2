import type { LineMap, Span } from '@melange2/diagnostics';
import { lineMap } from '@melange2/diagnostics';
import type { Places } from './places.ts';
import { parseCondition } from './condition.ts';
import { substituteLiteral, substituteLiteralCondition, type Variables } from './substitution.ts';
import { TextMapBuilder, textOrigin, type TextOrigin } from './text-origin.ts';
import { isNull, resolved, type YamlMap, type YamlNode } from './yaml-node.ts';
import { scalarMap } from './yaml-scalar.ts';

/** A text that was read, for the places of what is in it. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  #lines: LineMap | undefined;

  constructor(file: string, text: string) {
    this.file = file;
    // A mark of the byte order is no part of the text, and some editors write two.
    this.text = text.replace(/^\ufeff+/, '');
  }

  get lines(): LineMap {
    return (this.#lines ??= lineMap(this.file, this.text));
  }

  span(node: { readonly start: number; readonly end: number }): Span {
    return this.lines.span(node.start, node.end);
  }
}

/** The places of a mapping that was read from a text. */
export class NodePlaces implements Places {
  readonly #source: SourceText;
  readonly #node: YamlMap;
  readonly #variables: Variables;

  constructor(source: SourceText, node: YamlMap, variables: Variables) {
    this.#source = source;
    this.#node = node;
    this.#variables = variables;
  }

  value(...path: readonly (string | number)[]): Span | undefined {
    const node = findNode(this.#node, path);
    return node === undefined ? undefined : this.#source.span(node);
  }

  key(...path: readonly (string | number)[]): Span | undefined {
    const parent = findNode(this.#node, path.slice(0, -1));
    const last = path.at(-1);
    if (parent === undefined || typeof last !== 'string') return undefined;
    const map = resolved(parent);
    const found = map.kind === 'map' ? findPair(map, last) : undefined;
    return found === undefined ? undefined : this.#source.span(found.key);
  }

  origin(...path: readonly (string | number)[]): TextOrigin | undefined {
    const found = findNode(this.#node, path);
    const node = found === undefined ? undefined : resolved(found);
    if (node?.kind !== 'scalar') return undefined;
    const decoded = textOrigin(node.text, scalarMap(this.#source.text, node), this.#source.lines);
    const builder = new TextMapBuilder();
    const text = conditionOrText(node.text, path.at(-1) === 'if', this.#variables, builder);
    if (text === node.text) return decoded;
    return decoded.through(text, builder.finish(node.text.length, text.length));
  }
}

/** Puts variables in as reading the value did: a condition that is none with bare values gets quoted ones. */
function conditionOrText(
  text: string,
  isCondition: boolean,
  variables: Variables,
  builder: TextMapBuilder,
): string {
  const plain = substituteLiteral(text, variables);
  if (isCondition && plain !== text && parseCondition(plain).problem !== undefined) {
    const quoted = substituteLiteralCondition(text, variables);
    if (parseCondition(quoted).problem === undefined)
      return substituteLiteralCondition(text, variables, builder);
  }
  return plain === text ? text : substituteLiteral(text, variables, builder);
}

/** The node at the end of a path from `root`: keys, and indexes of lists without their null items. */
export function findNode(root: YamlNode, path: readonly (string | number)[]): YamlNode | undefined {
  let at: YamlNode | undefined = root;
  for (const step of path) {
    if (at === undefined) return undefined;
    const node: Exclude<YamlNode, { kind: 'alias' }> = resolved(at);
    if (typeof step === 'string') at = node.kind === 'map' ? findPair(node, step)?.value : undefined;
    else at = node.kind === 'list' ? node.items.filter((item) => !isNull(item))[step] : undefined;
  }
  return at;
}

interface Pair {
  readonly key: YamlNode;
  readonly value: YamlNode;
}

/** The pair of a map with this key, its own before merged ones. */
export function findPair(map: YamlMap, name: string): Pair | undefined {
  const own = pairAt(map, indexOfKey(map, name));
  if (own !== undefined) return own;
  const merged = map.values[map.keys.findLastIndex(isMergeKey)];
  if (merged === undefined) return undefined;
  const from = resolved(merged);
  for (const item of from.kind === 'list' ? from.items : [from]) {
    const one = resolved(item);
    const found = one.kind === 'map' ? findPair(one, name) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function pairAt(map: YamlMap, index: number): Pair | undefined {
  const key = map.keys[index];
  const value = map.values[index];
  return key === undefined || value === undefined ? undefined : { key, value };
}

// Asked for each of its keys, a large map would take the square of its size. Only remembers what it was asked before.
const indexes = new WeakMap<YamlMap, ReadonlyMap<string, number>>();
const indexedFrom = 64;

/** Where a key first stands in a map; -1 for nowhere. */
function indexOfKey(map: YamlMap, name: string): number {
  if (map.keys.length < indexedFrom)
    return map.keys.findIndex((key) => key.kind === 'scalar' && key.text === name);
  let index = indexes.get(map);
  if (index === undefined) {
    const made = new Map<string, number>();
    for (const [i, key] of map.keys.entries()) {
      if (key.kind === 'scalar' && !made.has(key.text)) made.set(key.text, i);
    }
    index = made;
    indexes.set(map, index);
  }
  return index.get(name) ?? -1;
}

/** Whether a key is the merge key `<<`, not a quoted text of that form. */
export function isMergeKey(key: YamlNode): boolean {
  return (
    key.kind === 'scalar' &&
    key.text === '<<' &&
    (key.tag === undefined ? key.style === 'plain' : key.tag === '!' || key.tag === '!!merge')
  );
}
