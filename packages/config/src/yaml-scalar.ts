import { TextMapBuilder, type TextMap } from './text-origin.ts';
import type { YamlScalar } from './yaml-node.ts';

/**
 * Where each character of a scalar's text stands in the file: a map from the decoded text to offsets of the
 * whole file.
 */
export function scalarMap(file: string, node: YamlScalar): TextMap {
  const builder = new TextMapBuilder();
  if (node.style === 'literal' || node.style === 'folded')
    decodeBlock(file, node.start, node.indent, builder);
  else if (node.style === 'plain') foldPlain(file.slice(node.start, node.end), builder, node.start);
  else {
    const raw = file.slice(node.start + 1, node.end - 1);
    decodeQuoted(raw, node.style === 'double', builder, node.start + 1);
  }
  return builder.finish(node.end, node.text.length);
}

/** Joins the lines of a plain scalar: one line end is a blank, more are one less. */
export function foldPlain(raw: string, builder?: TextMapBuilder, base = 0): string {
  let out = '';
  let done = 0;
  for (const gap of raw.matchAll(/[ \t\r]*\n[ \t\r\n]*/g)) {
    builder?.copy(out.length, base + done);
    out += raw.slice(done, gap.index);
    const breaks = gap[0].split('\n').length - 1;
    builder?.put(out.length, base + gap.index);
    out += breaks === 1 ? ' ' : '\n'.repeat(breaks - 1);
    done = gap.index + gap[0].length;
  }
  builder?.copy(out.length, base + done);
  return out + raw.slice(done);
}

const escapes: Readonly<Record<string, string>> = {
  '0': '\0',
  a: '\u0007',
  b: '\b',
  t: '\t',
  '\t': '\t',
  n: '\n',
  v: '\u000b',
  f: '\f',
  r: '\r',
  e: '\u001b',
  ' ': ' ',
  '"': '"',
  "'": "'",
  '\\': '\\',
  N: '\u0085',
  _: '\u00a0',
  L: '\u2028',
  P: '\u2029',
};

/** Decodes what stands between quotes; `undefined` when an escape is none. */
export function decodeQuoted(
  raw: string,
  double: boolean,
  builder?: TextMapBuilder,
  base = 0,
): string | undefined {
  let out = '';
  let i = 0;
  builder?.copy(0, base);
  while (i < raw.length) {
    const c = raw.charAt(i);
    if (double && c === '\\') {
      const escape = readEscape(raw, i);
      if (escape === undefined) return undefined;
      builder?.put(out.length, base + i);
      out += escape.text;
      i = escape.end;
      builder?.copy(out.length, base + i);
    } else if (!double && c === "'") {
      out += "'";
      i += 2;
      builder?.copy(out.length, base + i);
    } else if (c === ' ' || c === '\t' || c === '\n' || c === '\r') {
      let end = i;
      let breaks = 0;
      while (end < raw.length && ' \t\r\n'.includes(raw.charAt(end))) {
        if (raw.charAt(end) === '\n') breaks++;
        end++;
      }
      if (breaks === 0) out += raw.slice(i, end);
      else {
        builder?.put(out.length, base + i);
        out += breaks === 1 ? ' ' : '\n'.repeat(breaks - 1);
        builder?.copy(out.length, base + end);
      }
      i = end;
    } else {
      out += c;
      i++;
    }
  }
  return out;
}

function readEscape(raw: string, at: number): { text: string; end: number } | undefined {
  const kind = raw.charAt(at + 1);
  const text = escapes[kind];
  if (text !== undefined) return { text, end: at + 2 };
  if (kind === '\n' || kind === '\r') {
    let end = raw.indexOf('\n', at) + 1;
    let breaks = 0;
    while (end < raw.length && ' \t\r\n'.includes(raw.charAt(end))) {
      if (raw.charAt(end) === '\n') breaks++;
      end++;
    }
    return { text: '\n'.repeat(breaks), end };
  }
  const digits = kind === 'x' ? 2 : kind === 'u' ? 4 : kind === 'U' ? 8 : 0;
  const hex = raw.slice(at + 2, at + 2 + digits);
  if (digits === 0 || hex.length !== digits || !/^[0-9a-fA-F]+$/.test(hex)) return undefined;
  const code = Number.parseInt(hex, 16);
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined;
  return { text: String.fromCodePoint(code), end: at + 2 + digits };
}

interface BlockScalar {
  readonly text: string;
  readonly literal: boolean;
  /** Behind the last character of the content, without its line end. */
  readonly end: number;
  /** The start of the first line behind the scalar. */
  readonly next: number;
}

/**
 * Reads a literal or folded scalar whose header stands at `start`, inside a collection at column `parent`;
 * `undefined` when the header or the indentation is wrong.
 */
export function decodeBlock(
  file: string,
  start: number,
  parent: number,
  builder?: TextMapBuilder,
): BlockScalar | undefined {
  const literal = file.charAt(start) === '|';
  header.lastIndex = start + 1;
  const match = header.exec(file);
  if (match === null) return undefined;
  const signs = match[1] ?? '';
  const chomp = signs.includes('-') ? '-' : signs.includes('+') ? '+' : '';
  const digit = /[1-9]/.exec(signs)?.[0];
  let at = header.lastIndex;
  let end = start + 1 + signs.length;
  let indent = digit === undefined ? 0 : Math.max(parent, 0) + Number(digit);

  if (indent === 0) {
    indent = Math.max(firstIndent(file, at), parent + 1, 1);
  }
  let out = '';
  let pendingBreak = '';
  let pendingFrom = at;
  let blanks = '';
  let afterBlank = false;
  let next = at;
  for (;;) {
    // Lines without content.
    let i = at;
    for (;;) {
      let column = 0;
      while (column < indent && file.charCodeAt(i) === 32) {
        i++;
        column++;
      }
      if (column < indent && file.charCodeAt(i) === 9) return undefined;
      if (file.charCodeAt(i) === 13) i++;
      if (file.charCodeAt(i) !== 10) {
        next = at;
        at = i;
        if (column < indent || i >= file.length) {
          at = -1;
        }
        break;
      }
      blanks += '\n';
      i++;
      at = i;
    }
    if (at < 0) break;
    const first = file.charCodeAt(at);
    const blank = first === 32 || first === 9;
    const lineEnd = lineEndAt(file, at);
    const content = file.charCodeAt(lineEnd - 1) === 13 ? lineEnd - 1 : lineEnd;
    builder?.put(out.length, pendingFrom);
    if (!literal && pendingBreak !== '' && !afterBlank && !blank) out += blanks === '' ? ' ' : '';
    else out += pendingBreak;
    out += blanks;
    builder?.copy(out.length, at);
    out += file.slice(at, content);
    afterBlank = blank;
    end = content;
    pendingFrom = content;
    pendingBreak = lineEnd < file.length ? '\n' : '';
    blanks = '';
    at = lineEnd + 1;
    if (lineEnd >= file.length) {
      next = lineEnd;
      break;
    }
  }
  builder?.put(out.length, pendingFrom);
  if (chomp !== '-') out += pendingBreak;
  if (chomp === '+') out += blanks;
  return { text: out, literal, end, next: Math.min(next, file.length) };
}

const header = /((?:[+-][1-9]?|[1-9][+-]?)?)[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y;

/** The indentation of the first line with content; longer blank lines before it count too. */
function firstIndent(file: string, from: number): number {
  let at = from;
  let widest = 0;
  for (;;) {
    let i = at;
    while (file.charCodeAt(i) === 32) i++;
    widest = Math.max(widest, i - at);
    if (file.charCodeAt(i) === 13) i++;
    if (file.charCodeAt(i) !== 10) return widest;
    at = i + 1;
  }
}

function lineEndAt(file: string, from: number): number {
  const end = file.indexOf('\n', from);
  return end < 0 ? file.length : end;
}
