/** A node of a YAML document with its place: offsets of its first character and behind its last one. */
export type YamlNode = YamlScalar | YamlMap | YamlList | YamlAlias;

export interface YamlScalar {
  readonly kind: 'scalar';
  readonly start: number;
  readonly end: number;
  /** The decoded text: unquoted, dedented, folded. */
  readonly text: string;
  readonly style: ScalarStyle;
  /** The tag as resolved (`!!int`, `!x`), or `undefined`. */
  readonly tag: string | undefined;
  /** Column (from 0) of the block collection around it, for block scalars read again with their offsets. */
  readonly indent: number;
}

export type ScalarStyle = 'plain' | 'single' | 'double' | 'literal' | 'folded';

export interface YamlMap {
  readonly kind: 'map';
  readonly start: number;
  readonly end: number;
  readonly keys: readonly YamlNode[];
  readonly values: readonly YamlNode[];
  readonly flow: boolean;
  readonly tag: string | undefined;
}

export interface YamlList {
  readonly kind: 'list';
  readonly start: number;
  readonly end: number;
  readonly items: readonly YamlNode[];
  readonly flow: boolean;
  readonly tag: string | undefined;
}

export interface YamlAlias {
  readonly kind: 'alias';
  readonly start: number;
  readonly end: number;
  readonly name: string;
  readonly target: YamlNode;
}

/** What stands where a value is left out. */
export function emptyScalar(at: number): YamlScalar {
  return { kind: 'scalar', start: at, end: at, text: '', style: 'plain', tag: undefined, indent: -1 };
}

/** The node that an alias stands for; any other node itself. */
export function resolved(node: YamlNode): Exclude<YamlNode, YamlAlias> {
  let at = node;
  while (at.kind === 'alias') at = at.target;
  return at;
}

const nullWords: ReadonlySet<string> = new Set(['', '~', 'null', 'Null', 'NULL']);

/** Says whether a node is null: left out, `~`, `null`. */
export function isNull(node: YamlNode): boolean {
  const at = resolved(node);
  if (at.kind !== 'scalar') return false;
  if (at.tag !== undefined) return at.tag === '!!null' && nullWords.has(at.text);
  return at.style === 'plain' && nullWords.has(at.text);
}
