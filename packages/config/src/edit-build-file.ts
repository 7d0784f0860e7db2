import { buildError, type TextEdit } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { findNode, SourceText } from './node-places.ts';
import { readDocument } from './read-document.ts';
import { isNull, resolved, type YamlNode, type YamlScalar } from './yaml-node.ts';

/** The way to a value: keys as the file spells them, and indexes of lists (null items do not count). */
export type EditPath = readonly (string | number)[];

/**
 * The edits that give the value at `path` a new text; everything else keeps its bytes, quotes and comments too.
 *
 * A key that its mapping lacks is added behind the last one. A value of another kind than a text is not
 * changed.
 *
 * @throws {BuildError} CONFIG_EDIT_IMPOSSIBLE when there is no such place in the file.
 */
export function changeValue(text: string, path: EditPath, value: string): TextEdit[] {
  const { source, root } = open(text);
  const node = findNode(root, path);
  if (node !== undefined) {
    const scalar = resolved(node);
    if (node.kind === 'alias') fail(path, 'it is an alias, and its anchor may be used elsewhere');
    if (scalar.kind !== 'scalar') fail(path, 'it is a list or a mapping');
    const written = writeScalar(scalar, value, inFlow(root, path), source.text);
    // A value that was left out stands right behind its colon.
    const gap = scalar.start === scalar.end && source.text.charAt(scalar.start - 1) === ':' ? ' ' : '';
    return [{ span: source.span(scalar), text: gap + written }];
  }
  return addKey(source, root, path, (flow) => ` ${plainOrQuoted(value, flow)}`);
}

/**
 * The edits for a new version: `package.version` is changed, and `package.epoch` set to 0.
 *
 * A version that is written without quotes and looks like a number gets them: other programs read 1.10 as 1.1.
 *
 * @throws {BuildError} CONFIG_EDIT_IMPOSSIBLE when the file has no `package` mapping.
 */
export function changeVersion(text: string, version: string): TextEdit[] {
  const { root, source } = open(text);
  const old = findNode(root, ['package', 'version']);
  const looksLikeNumber = /^[-+.\d][-+._\da-fA-FxXoe]*$/.test(version);
  const edits =
    old?.kind === 'scalar' && old.style === 'plain' && old.end > old.start && looksLikeNumber
      ? [{ span: source.span(old), text: doubleQuoted(version) }]
      : changeValue(text, ['package', 'version'], version);
  return findNode(root, ['package', 'epoch']) === undefined ? edits : [...edits, ...changeEpoch(text, 0n)];
}

/**
 * The edits for a new `package.epoch`.
 *
 * @throws {BuildError} CONFIG_EDIT_IMPOSSIBLE when the file has no `package` mapping.
 */
export function changeEpoch(text: string, epoch: bigint): TextEdit[] {
  return changeValue(text, ['package', 'epoch'], String(epoch));
}

const checksumKeys: ReadonlySet<string> = new Set(['expected-sha256', 'expected-sha512', 'expected-commit']);

/**
 * The edits that put a new checksum or commit in place of an old one, in every `with` that has it.
 *
 * @throws {BuildError} CONFIG_EDIT_IMPOSSIBLE when no step has the old one.
 */
export function changeChecksum(text: string, from: string, to: string): TextEdit[] {
  const { source, root } = open(text);
  const edits: TextEdit[] = [];
  visit(root);
  if (edits.length === 0) fail([], `no step has the checksum ${from}`);
  return edits;

  function visit(node: YamlNode): void {
    if (node.kind === 'list') for (const item of node.items) visit(item);
    if (node.kind !== 'map') return;
    for (const [i, key] of node.keys.entries()) {
      const value = node.values[i];
      if (value === undefined) continue;
      const hit =
        key.kind === 'scalar' && checksumKeys.has(key.text) && value.kind === 'scalar' && value.text === from;
      if (hit) edits.push({ span: source.span(value), text: writeScalar(value, to, node.flow, source.text) });
      else visit(value);
    }
  }
}

/**
 * The edits that add an entry, a text or a mapping of texts, at the end of the list at `path`, in the way its other
 * entries are written. A list that its mapping lacks is begun behind the mapping's last key.
 *
 * @throws {BuildError} CONFIG_EDIT_IMPOSSIBLE when there is something else, or no mapping that could hold the list.
 */
export function addListEntry(
  text: string,
  path: EditPath,
  value: string | Readonly<Record<string, string>>,
): TextEdit[] {
  const { source, root } = open(text);
  const found = findNode(root, path);
  const list = found === undefined ? undefined : resolved(found);
  if (found === undefined)
    return addKey(source, root, path, (flow, indent) =>
      flow
        ? ` [${writeEntry(value, true, '')}]`
        : `\n${indent}  - ${writeEntry(value, false, `${indent}    `)}`,
    );
  if (list?.kind !== 'list') return fail(path, 'there is no list');
  const last = list.items.at(-1);
  if (list.flow) {
    const written = writeEntry(value, true, '');
    const at = last === undefined ? list.start + 1 : last.end;
    return [
      { span: source.span({ start: at, end: at }), text: last === undefined ? written : `, ${written}` },
    ];
  }
  const at = endOfLine(source.text, last?.end ?? list.end);
  const indent = ' '.repeat(list.start - lineStart(source.text, list.start));
  const written = writeEntry(value, false, `${indent}  `);
  return [{ span: source.span({ start: at, end: at }), text: `\n${indent}- ${written}` }];
}

/**
 * The edits that take the entry at `index` out of the list at `path`, with its line where it has one of its own.
 *
 * @throws {BuildError} CONFIG_EDIT_IMPOSSIBLE when there is no such entry.
 */
export function removeListEntry(text: string, path: EditPath, index: number): TextEdit[] {
  const { source, root } = open(text);
  const found = findNode(root, path);
  const list = found === undefined ? undefined : resolved(found);
  const items = list?.kind === 'list' ? list.items.filter((item) => !isNull(item)) : [];
  const item = items[index];
  if (list?.kind !== 'list' || item === undefined) return fail([...path, index], 'there is no such entry');
  const before = items[index - 1];
  const after = items[index + 1];
  if (list.flow) {
    const start = before === undefined ? item.start : before.end;
    const end = before === undefined && after !== undefined ? after.start : item.end;
    return [{ span: source.span({ start, end }), text: '' }];
  }
  if (items.length === 1) return [{ span: source.span(list), text: '[]' }];
  const dash = source.text.lastIndexOf('-', item.start - 1);
  const start = lineStart(source.text, dash);
  const end = Math.min(source.text.length, endOfLine(source.text, item.end) + 1);
  if (source.text.slice(start, dash).trim() !== '')
    fail([...path, index], 'it shares its line with other text');
  return [{ span: source.span({ start, end }), text: '' }];
}

/** The text with the edits made; edits must not overlap. */
export function applyEdits(text: string, edits: readonly TextEdit[]): string {
  let out = '';
  let done = 0;
  for (const { span, text: put } of edits.toSorted((a, b) => a.span.start.offset - b.span.start.offset)) {
    if (span.start.offset < done) throw new Error('edits overlap');
    out += text.slice(done, span.start.offset) + put;
    done = span.end.offset;
  }
  return out + text.slice(done);
}

function open(text: string): { source: SourceText; root: YamlNode } {
  const source = new SourceText('', text);
  const { root, diagnostics } = readDocument(source);
  if (root === undefined) return fail([], diagnostics[0]?.message ?? 'the file is empty');
  return { source, root };
}

function fail(path: EditPath, reason: string): never {
  throw buildError(errors, 'CONFIG_EDIT_IMPOSSIBLE', { path: path.join('.'), reason });
}

function inFlow(root: YamlNode, path: EditPath): boolean {
  const parent = findNode(root, path.slice(0, -1));
  const node = parent === undefined ? undefined : resolved(parent);
  return node !== undefined && node.kind !== 'scalar' && node.flow;
}

function addKey(
  source: SourceText,
  root: YamlNode,
  path: EditPath,
  write: (flow: boolean, indent: string) => string,
): TextEdit[] {
  const key = path.at(-1);
  const parent = findNode(root, path.slice(0, -1));
  const map = parent === undefined ? undefined : resolved(parent);
  if (map?.kind !== 'map' || typeof key !== 'string')
    return fail(path, 'there is no mapping that could hold it');
  const indent = ' '.repeat(map.start - lineStart(source.text, map.start));
  const pair = `${plainOrQuoted(key, map.flow)}:${write(map.flow, indent)}`;
  if (map.flow) {
    const last = map.values.at(-1);
    const at = last === undefined ? map.start + 1 : last.end;
    return [{ span: source.span({ start: at, end: at }), text: last === undefined ? pair : `, ${pair}` }];
  }
  const at = endOfLine(source.text, map.end);
  return [{ span: source.span({ start: at, end: at }), text: `\n${indent}${pair}` }];
}

/** Writes an entry of a list; `indent` is that of its keys in a list that has a line for each. */
function writeEntry(value: string | Readonly<Record<string, string>>, flow: boolean, indent: string): string {
  if (typeof value === 'string') return plainOrQuoted(value, flow);
  const pairs = Object.entries(value).map(
    ([key, text]) => `${plainOrQuoted(key, flow)}: ${plainOrQuoted(text, flow)}`,
  );
  return flow ? `{${pairs.join(', ')}}` : pairs.join(`\n${indent}`);
}

/** Writes a text in the style of the scalar that it takes the place of. */
function writeScalar(old: YamlScalar, value: string, flow: boolean, file: string): string {
  switch (old.style) {
    case 'single':
      return special.test(value) || value.includes('\n')
        ? doubleQuoted(value)
        : `'${value.replaceAll("'", "''")}'`;
    case 'double':
      return doubleQuoted(value);
    case 'plain':
      return plainOrQuoted(value, flow);
    case 'literal':
    case 'folded': {
      const first = file.indexOf('\n', old.start) + 1;
      const indent = /^[ \n]*?( +)\S/.exec(file.slice(first, old.end))?.[1] ?? ' '.repeat(old.indent + 2);
      if (!/^\S/.test(value) || special.test(value)) return doubleQuoted(value);
      const trailing = /\n*$/.exec(value)?.[0].length ?? 0;
      const chomp = trailing === 0 ? '-' : trailing === 1 ? '' : '+';
      const lines = value.replace(/\n$/, '').split('\n');
      return `|${chomp}\n${lines.map((line) => (line === '' ? '' : indent + line)).join('\n')}`;
    }
  }
}

/** Characters that stand for themselves in no style but double quotes, where they are escaped. */
const special = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/;

function plainOrQuoted(value: string, flow: boolean): string {
  const plain =
    !special.test(value) &&
    /^[^\s\-?:,[\]{}#&*!|>'"%@`~][^\n]*$/.test(value) &&
    !/: |:$| #|\s$/.test(value) &&
    !(flow && /[,[\]{}]/.test(value)) &&
    !/^(?:null|Null|NULL|<<)$/.test(value) &&
    !/^(?:---|\.\.\.)/.test(value);
  return plain ? value : doubleQuoted(value);
}

function doubleQuoted(value: string): string {
  // JSON's escapes are YAML's, but for what YAML wants escaped and JSON does not.
  return JSON.stringify(value.toWellFormed()).replaceAll(
    /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : text.charAt(end - 1) === '\r' ? end - 1 : end;
}
