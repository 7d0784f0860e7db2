import { Composer, isAlias, isMap, isScalar, isSeq, Parser, type Document, type Node } from 'yaml';
import { maxDepth, readCommonYaml, TooDeep, Unsure } from './yaml-reader.ts';
import { emptyScalar, type ScalarStyle, type YamlNode } from './yaml-node.ts';
import { yamlFault, type YamlProblem } from './yaml-fault.ts';
import { decodeBlock } from './yaml-scalar.ts';

export interface YamlDocument {
  /** The root of the first document; `undefined` when it is empty or cannot be read. */
  readonly root: YamlNode | undefined;
  readonly problems: readonly YamlProblem[];
}

/** What YAML allows in no place of a text; tab, line feed and carriage return are not among them. */
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u0080-\u0084\u0086-\u009f\ufffe\uffff]/;

/** Reads the first document of `text`; what comes behind it is not looked at. */
export function readYaml(text: string): YamlDocument {
  const control = forbidden.exec(text);
  if (control !== null) {
    const code = control[0].charCodeAt(0).toString(16).padStart(4, '0');
    return failed(
      `the control character U+${code.toUpperCase()} is not allowed`,
      control.index,
      control.index + 1,
    );
  }
  // A lone carriage return ends a line. The text keeps its length, and so its places.
  const lines = text.replaceAll(/\r(?!\n)/g, '\n');
  try {
    return { root: readCommonYaml(lines), problems: [] };
  } catch (cause) {
    if (cause instanceof TooDeep) return nestedTooDeep(cause.at);
    if (!(cause instanceof Unsure)) throw cause;
    // NEL is a line end that is folded.
    return readFullYaml(lines.replaceAll('\u0085', ' '));
  }
}

/** Reads the first document with the complete parser. */
export function readFullYaml(text: string): YamlDocument {
  const deep = tooDeep(text);
  if (deep !== undefined) return nestedTooDeep(deep);
  const composer = new Composer({
    schema: 'failsafe',
    resolveKnownTags: false,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  try {
    const [document] = composer.compose(new Parser().parse(text), true, text.length);
    return document === undefined ? { root: undefined, problems: [] } : convert(document, text);
  } catch (cause) {
    // The complete parser calls itself for each level, so that the stack ends first.
    if (cause instanceof RangeError) return nestedTooDeep(0);
    throw cause;
  }
}

function nestedTooDeep(at: number): YamlDocument {
  const message = `nested deeper than ${maxDepth} levels`;
  return { root: undefined, problems: [{ kind: 'depth', message, start: at, end: at + 1 }] };
}

/** Whether a place is behind the first document: no more than that is read, as Go's decoder does. */
function isBehind(at: number, { range, directives }: Document.Parsed, text: string): boolean {
  const [, , end] = range;
  return at >= end && (directives.docEnd || /^(?:---|\.\.\.)(?:\s|$)/m.test(text.slice(end, at)));
}

function convert(document: Document.Parsed, text: string): YamlDocument {
  // A directive that nobody knows may change what the text means.
  const unknown = document.warnings.filter((warning) => warning.code === 'BAD_DIRECTIVE');
  const found = [...document.errors.filter((error) => !isBehind(error.pos[0], document, text)), ...unknown];
  // What stands behind a fault is no part of the document, and nothing wrong with it is worth telling.
  const faults = found.filter(({ message }) => !message.includes('token in YAML stream'));
  const problems = onePerLine(
    (faults.length > 0 ? faults : found.slice(0, 1)).map((error) => yamlFault(error, text)),
    text,
  );
  if (problems.length > 0) return { root: undefined, problems };
  const anchors = new Map<string, YamlNode>();
  const open = new Set<string>();
  const root = document.contents === null ? undefined : node(document.contents, -1, 0);
  return { root: problems.length > 0 ? undefined : root, problems };

  function node(from: Node | null, indent: number, at: number): YamlNode {
    if (from === null) return emptyScalar(at);
    const [start, end] = from.range ?? [at, at];
    if (isAlias(from)) {
      const target = anchors.get(from.source);
      if (target !== undefined) return { kind: 'alias', start, end, name: from.source, target };
      const message = open.has(from.source)
        ? `the alias *${from.source} stands inside its own anchor`
        : `there is no anchor &${from.source} before this alias`;
      problems.push({ kind: 'alias', message, start, end });
      return emptyScalar(start);
    }
    const anchor = 'anchor' in from ? from.anchor : undefined;
    if (anchor !== undefined) {
      anchors.delete(anchor);
      open.add(anchor);
    }
    const made = collectionOrScalar(from, indent, start, end);
    if (anchor !== undefined) {
      open.delete(anchor);
      anchors.set(anchor, made);
    }
    return made;
  }

  function collectionOrScalar(from: Node, indent: number, start: number, end: number): YamlNode {
    const tag = shortTag(from.tag);
    if (isMap(from)) {
      const column = columnOf(text, start);
      const keys: YamlNode[] = [];
      const values: YamlNode[] = [];
      for (const pair of from.items) {
        const key = node(pair.key as Node | null, column, start);
        keys.push(key);
        values.push(node(pair.value as Node | null, column, key.end));
      }
      return { kind: 'map', start, end, keys, values, flow: from.flow === true, tag };
    }
    if (isSeq(from)) {
      const column = columnOf(text, start);
      const items = from.items.map((item) => node(item as Node | null, column, start));
      return { kind: 'list', start, end, items, flow: from.flow === true, tag };
    }
    if (!isScalar(from)) throw new Error('a node of an unknown kind');
    const style = styles[from.type ?? 'PLAIN'] ?? 'plain';
    if (style === 'double') checkEscapes(start, end);
    if (style === 'literal' || style === 'folded') {
      // The references end a block at the end of the file without a line end that is not there.
      const block = decodeBlock(text, start, indent);
      if (block !== undefined)
        return { kind: 'scalar', start, end: block.end, text: block.text, style, tag, indent };
    }
    return {
      kind: 'scalar',
      start,
      end,
      text: typeof from.value === 'string' ? from.value : '',
      style,
      tag,
      indent,
    };
  }

  /** Finds escapes that are valid YAML but that the references refuse. */
  function checkEscapes(start: number, end: number): void {
    const raw = text.slice(start, end);
    for (const match of raw.matchAll(/\\(?:u([dD][89a-fA-F][0-9a-fA-F]{2})|(\/)|[^])/g)) {
      if (match[1] === undefined && match[2] === undefined) continue;
      const at = start + match.index;
      problems.push({
        kind: 'syntax',
        message: `the escape ${match[0]} is not allowed`,
        start: at,
        end: at + match[0].length,
      });
    }
  }
}

const styles: Readonly<Record<string, ScalarStyle>> = {
  PLAIN: 'plain',
  QUOTE_DOUBLE: 'double',
  QUOTE_SINGLE: 'single',
  BLOCK_LITERAL: 'literal',
  BLOCK_FOLDED: 'folded',
};

function shortTag(tag: string | undefined): string | undefined {
  return tag?.startsWith('tag:yaml.org,2002:') === true ? `!!${tag.slice(18)}` : tag;
}

function columnOf(text: string, at: number): number {
  return at - (text.lastIndexOf('\n', at - 1) + 1);
}

/** Keeps the first problem of each line: the others most often follow from it. */
function onePerLine(problems: readonly YamlProblem[], text: string): YamlProblem[] {
  const lines = new Set<number>();
  return problems.filter(({ start }) => {
    const line = text.lastIndexOf('\n', start - 1);
    if (lines.has(line)) return false;
    lines.add(line);
    return true;
  });
}

/** Where flow brackets or indentation go deeper than the complete parser, which is recursive, should be led. */
function tooDeep(text: string): number | undefined {
  let flow = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 91 || c === 123) {
      if (++flow > maxDepth) return i;
    } else if ((c === 93 || c === 125) && flow > 0) flow--;
  }
  const lists = new RegExp(`(?:- ){${maxDepth + 1}}`).exec(text);
  return lists?.index;
}

function failed(message: string, start: number, end: number): YamlDocument {
  return { root: undefined, problems: [{ kind: 'syntax', message, start, end }] };
}
