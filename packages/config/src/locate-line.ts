import type { Span } from '@melange2/diagnostics';
import { SourceText } from './node-places.ts';
import { readDocument } from './read-document.ts';
import { isNull, type YamlNode } from './yaml-node.ts';

/** A text of a build file that stands on a line, whole or in part. */
export interface LocatedText {
  /** The way to it from the root: keys as the file spells them, and indexes of lists without their null items. */
  readonly path: readonly (string | number)[];
  /** The whole value, quotes and block header included. */
  readonly span: Span;
  /** What of it stands on the line, as the file has it. */
  readonly onLine: string;
}

/** What stands on a line. */
export interface LocatedLine {
  /** The texts on it, in their order; none where only keys of lists and mappings, or nothing at all, stand. */
  readonly texts: readonly LocatedText[];
  /** The way to the innermost list or mapping that the line belongs to. */
  readonly path: readonly (string | number)[];
}

/**
 * Finds what stands on a line, counted from 1, of the first document of a file. `undefined` when the file has no such
 * line or cannot be read.
 */
export function locateLine(text: string, file: string, line: number): LocatedLine | undefined {
  const source = new SourceText(file, text);
  const { root } = readDocument(source);
  const { lines, text: body } = source;
  const last = lines.position(body.length).line;
  if (root === undefined || line < 1 || line > last) return undefined;
  const start = lineStart(body, line);
  const end = lineEnd(body, start);
  const texts: LocatedText[] = [];
  let innermost: readonly (string | number)[] = [];
  visit(root, [], root.start);
  return { texts, path: innermost };

  /** `from` is where what belongs to the node begins: its key, if it has one. */
  function visit(node: YamlNode, path: readonly (string | number)[], from: number): void {
    if (node.start > end || from > end || node.end < start) return;
    switch (node.kind) {
      case 'map':
        if (path.length >= innermost.length) innermost = path;
        for (const [i, key] of node.keys.entries()) {
          const value = node.values[i];
          if (value === undefined || key.kind !== 'scalar') continue;
          // A key alone on the line stands for what is below it.
          if (key.start >= start && key.start <= end) innermost = [...path, key.text];
          visit(value, [...path, key.text], key.start);
        }
        break;
      case 'list':
        if (path.length >= innermost.length) innermost = path;
        for (const [i, item] of node.items.filter((one) => !isNull(one)).entries()) {
          visit(item, [...path, i], item.start);
        }
        break;
      case 'scalar':
      case 'alias': {
        const first = Math.max(node.start, start);
        const until = Math.min(node.end, end);
        if (until <= first) return;
        texts.push({ path, span: lines.span(node.start, node.end), onLine: body.slice(first, until) });
      }
    }
  }
}

function lineStart(text: string, line: number): number {
  let at = 0;
  for (let i = 1; i < line; i++) at = text.indexOf('\n', at) + 1;
  return at;
}

function lineEnd(text: string, start: number): number {
  const end = text.indexOf('\n', start);
  if (end < 0) return text.length;
  return text.charAt(end - 1) === '\r' ? end - 1 : end;
}
