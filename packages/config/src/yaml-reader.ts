import { decodeBlock, decodeQuoted, foldPlain } from './yaml-scalar.ts';
import { emptyScalar, type YamlList, type YamlMap, type YamlNode, type YamlScalar } from './yaml-node.ts';

/** Thrown where this reader leaves a text to the complete one: rare syntax, and everything wrong. */
export class Unsure extends Error {}

/** Deepest nesting that is read. */
export const maxDepth = 1000;

/** Thrown where a text is nested deeper than {@link maxDepth}. */
export class TooDeep extends Error {
  readonly at: number;

  constructor(at: number) {
    super('nested too deep');
    this.at = at;
  }
}

const unsure = new Unsure('left to the complete reader');

/**
 * Reads the first document of `text`, if it keeps to the common part of YAML: block and flow collections, all
 * kinds of scalars, comments.
 *
 * Anchors, aliases, tags, directives, `?` keys and lone carriage returns are left to the complete reader, as is
 * any text with a fault, so that there is one judge of faults. `undefined`: the document is empty.
 *
 * @throws {Unsure}
 * @throws {TooDeep}
 */
export function readCommonYaml(text: string): YamlNode | undefined {
  return new CommonReader(text).document();
}

const tab = 9;
const lineFeed = 10;
const space = 32;
const doubleQuote = 34;
const hash = 35;
const singleQuote = 39;
const comma = 44;
const dash = 45;
const colon = 58;
const questionMark = 63;
const openBracket = 91;
const closeBracket = 93;
const openBrace = 123;
const pipe = 124;
const closeBrace = 125;
const greater = 62;

/** Characters no plain scalar begins with: , [ ] { } # & * ! | > ' " % @ ` */
const indicators: ReadonlySet<number> = new Set(Array.from(',[]{}#&*!|>\'"%@`', (c) => c.charCodeAt(0)));

function isBlankOrEnd(code: number): boolean {
  return code === space || code === lineFeed || code === tab || code !== code;
}

class CommonReader {
  /** The text as it is read: with a blank in place of each carriage return before a line end. */
  readonly #text: string;
  /** The text as it is, for what is in scalars. */
  readonly #file: string;
  #at = 0;
  #lineStart = 0;
  #depth = 0;
  /** Where the last plain line stopped, and at what: a colon, a comment or the end of the line. */
  #stop = 0;
  #stoppedAtColon = false;

  constructor(text: string) {
    this.#file = text;
    this.#text = text.includes('\r\n') ? text.replaceAll('\r\n', ' \n') : text;
  }

  document(): YamlNode | undefined {
    if (/[\r\u0085\u2028\u2029\ufeff]/.test(this.#text)) throw unsure;
    this.#toToken();
    if (this.#at >= this.#text.length) return undefined;
    if (this.#marker()) {
      if (this.#text.charCodeAt(this.#at) !== dash) throw unsure;
      this.#at += 3;
      this.#endLine();
      this.#toToken();
      if (this.#at >= this.#text.length || this.#marker()) throw unsure;
    }
    const node = this.#block(-1);
    this.#toToken();
    if (this.#at < this.#text.length && !this.#marker()) throw unsure;
    return node;
  }

  #column(): number {
    return this.#at - this.#lineStart;
  }

  /** Whether a document marker stands here, at the start of a line. */
  #marker(): boolean {
    if (this.#at !== this.#lineStart) return false;
    const c = this.#text.charCodeAt(this.#at);
    if (c !== dash && c !== 46) return false;
    return (
      (this.#text.startsWith('---', this.#at) || this.#text.startsWith('...', this.#at)) &&
      isBlankOrEnd(this.#text.charCodeAt(this.#at + 3))
    );
  }

  /** Moves over blanks, comments and line ends. */
  #toToken(): void {
    const text = this.#text;
    let i = this.#at;
    for (;;) {
      const c = text.charCodeAt(i);
      if (c === space) i++;
      else if (c === lineFeed) {
        i++;
        this.#lineStart = i;
      } else if (c === hash) {
        if (i !== this.#lineStart && text.charCodeAt(i - 1) !== space && text.charCodeAt(i - 1) !== tab) {
          throw unsure;
        }
        i = lineEnd(text, i);
      } else if (c === tab) {
        let j = i;
        while (text.charCodeAt(j) === tab || text.charCodeAt(j) === space) j++;
        const next = text.charCodeAt(j);
        if (next !== lineFeed && next !== hash && j < text.length) throw unsure;
        i = j;
      } else break;
    }
    this.#at = i;
  }

  /** Checks that nothing but a comment follows on this line. */
  #endLine(): void {
    const text = this.#text;
    let i = this.#at;
    while (text.charCodeAt(i) === space || text.charCodeAt(i) === tab) i++;
    const c = text.charCodeAt(i);
    if (c === lineFeed || i >= text.length || (c === hash && i > this.#at)) {
      this.#at = i;
      return;
    }
    throw unsure;
  }

  /** Reads a node that begins here, further right than `parent`. */
  #block(parent: number): YamlNode {
    const text = this.#text;
    const c = text.charCodeAt(this.#at);
    if (c === dash && isBlankOrEnd(text.charCodeAt(this.#at + 1))) return this.#list(this.#column());
    if (c === openBracket || c === openBrace) {
      const node = this.#flow();
      this.#endLine();
      return node;
    }
    if (c === pipe || c === greater) return this.#blockScalar(parent);
    if (c === doubleQuote || c === singleQuote) {
      const start = this.#at;
      const lineStart = this.#lineStart;
      const node = this.#quoted();
      let i = this.#at;
      while (text.charCodeAt(i) === space || text.charCodeAt(i) === tab) i++;
      if (text.charCodeAt(i) !== colon) {
        this.#endLine();
        return node;
      }
      this.#at = start;
      this.#lineStart = lineStart;
      return this.#map(this.#column());
    }
    this.#checkPlainStart(c);
    this.#plainLine(this.#at);
    if (this.#stoppedAtColon) return this.#map(this.#column());
    return this.#plain(parent);
  }

  #map(column: number): YamlMap {
    const text = this.#text;
    const start = this.#at;
    const keys: YamlNode[] = [];
    const values: YamlNode[] = [];
    if (++this.#depth > maxDepth) throw new TooDeep(this.#at);
    for (;;) {
      keys.push(this.#key());
      const afterColon = this.#at;
      let i = this.#at;
      while (text.charCodeAt(i) === space || text.charCodeAt(i) === tab) i++;
      this.#at = i;
      const c = text.charCodeAt(i);
      if (c === lineFeed || c === hash || i >= text.length) {
        this.#toToken();
        const found = this.#at < text.length && !this.#marker() ? this.#column() : -1;
        if (found > column) values.push(this.#block(column));
        else if (found === column && this.#dashHere()) values.push(this.#list(column));
        else values.push(emptyScalar(afterColon));
      } else values.push(this.#inline(column));
      this.#toToken();
      if (this.#at >= text.length || this.#marker()) break;
      const next = this.#column();
      if (next < column) break;
      if (next > column || this.#dashHere()) throw unsure;
    }
    this.#depth--;
    const end = values.at(-1)?.end ?? start;
    return { kind: 'map', start, end, keys, values, flow: false, tag: undefined };
  }

  #list(column: number): YamlList {
    const text = this.#text;
    const start = this.#at;
    const items: YamlNode[] = [];
    if (++this.#depth > maxDepth) throw new TooDeep(this.#at);
    for (;;) {
      const afterDash = this.#at + 1;
      let i = afterDash;
      while (text.charCodeAt(i) === space) i++;
      if (text.charCodeAt(i) === tab) throw unsure;
      this.#at = i;
      const c = text.charCodeAt(i);
      if (c === lineFeed || c === hash || i >= text.length) {
        this.#toToken();
        const found = this.#at < text.length && !this.#marker() ? this.#column() : -1;
        items.push(found > column ? this.#block(column) : emptyScalar(afterDash));
      } else items.push(this.#block(column));
      this.#toToken();
      if (this.#at >= text.length || this.#marker()) break;
      const next = this.#column();
      if (next < column) break;
      if (next > column) throw unsure;
      if (!this.#dashHere()) break;
    }
    this.#depth--;
    return { kind: 'list', start, end: items.at(-1)?.end ?? start, items, flow: false, tag: undefined };
  }

  #dashHere(): boolean {
    const text = this.#text;
    return text.charCodeAt(this.#at) === dash && isBlankOrEnd(text.charCodeAt(this.#at + 1));
  }

  /** Reads a key and its colon. */
  #key(): YamlScalar {
    const text = this.#text;
    const start = this.#at;
    const c = text.charCodeAt(start);
    if (c === doubleQuote || c === singleQuote) {
      const lineStart = this.#lineStart;
      const node = this.#quoted();
      if (this.#lineStart !== lineStart) throw unsure;
      let i = this.#at;
      while (text.charCodeAt(i) === space || text.charCodeAt(i) === tab) i++;
      if (text.charCodeAt(i) !== colon || !isBlankOrEnd(text.charCodeAt(i + 1))) throw unsure;
      if (i - start > 1000) throw unsure;
      this.#at = i + 1;
      return node;
    }
    this.#checkPlainStart(c);
    const end = this.#plainLine(start);
    if (!this.#stoppedAtColon || end - start > 1000) throw unsure;
    this.#at = this.#stop + 1;
    return scalar(start, end, text.slice(start, end), 'plain', -1);
  }

  /** Reads a value that begins on the line of its key, in a map at `column`. */
  #inline(column: number): YamlNode {
    const c = this.#text.charCodeAt(this.#at);
    if (c === pipe || c === greater) return this.#blockScalar(column);
    if (c === doubleQuote || c === singleQuote) {
      const node = this.#quoted();
      this.#endLine();
      return node;
    }
    if (c === openBracket || c === openBrace) {
      const node = this.#flow();
      this.#endLine();
      return node;
    }
    this.#checkPlainStart(c);
    this.#plainLine(this.#at);
    if (this.#stoppedAtColon) throw unsure;
    return this.#plain(column);
  }

  #checkPlainStart(c: number): void {
    if (indicators.has(c)) throw unsure;
    if (
      (c === dash || c === questionMark || c === colon) &&
      isBlankOrEnd(this.#text.charCodeAt(this.#at + 1))
    ) {
      throw unsure;
    }
  }

  /** Finds the end of the plain text that begins at `from`, on its line. */
  #plainLine(from: number): number {
    const text = this.#text;
    let end = from;
    for (let i = from; ; i++) {
      const c = text.charCodeAt(i);
      if (c === space || c === tab) continue;
      if (c === lineFeed || c !== c) {
        this.#stop = i;
        this.#stoppedAtColon = false;
        return end;
      }
      if (c === colon) {
        if (isBlankOrEnd(text.charCodeAt(i + 1))) {
          this.#stop = i;
          this.#stoppedAtColon = true;
          return end;
        }
      } else if (c === hash && i > from) {
        const before = text.charCodeAt(i - 1);
        if (before === space || before === tab) {
          this.#stop = i;
          this.#stoppedAtColon = false;
          return end;
        }
      }
      end = i + 1;
    }
  }

  /** Reads a plain scalar whose first line was just measured; further lines stand right of `parent`. */
  #plain(parent: number): YamlScalar {
    const text = this.#text;
    const start = this.#at;
    let end = this.#plainLine(start);
    let lines = 1;
    while (text.charCodeAt(this.#stop) === lineFeed) {
      let i = this.#stop;
      let lineStart = i;
      while (text.charCodeAt(i) === lineFeed) {
        i++;
        lineStart = i;
        while (text.charCodeAt(i) === space) i++;
        if (text.charCodeAt(i) === tab) throw unsure;
      }
      if (i >= text.length || i - lineStart <= parent || text.charCodeAt(i) === hash) break;
      this.#at = i;
      this.#lineStart = lineStart;
      if (this.#marker()) break;
      end = this.#plainLine(i);
      if (this.#stoppedAtColon) throw unsure;
      lines++;
    }
    this.#at = end;
    const raw = this.#file.slice(start, end);
    return scalar(start, end, lines === 1 ? raw : foldPlain(raw), 'plain', parent);
  }

  #quoted(): YamlScalar {
    const text = this.#text;
    const start = this.#at;
    const double = text.charCodeAt(start) === doubleQuote;
    const quote = double ? '"' : "'";
    let close = start + 1;
    for (;;) {
      close = text.indexOf(quote, close);
      if (close < 0) throw unsure;
      if (double) {
        let slashes = 0;
        while (text.charCodeAt(close - 1 - slashes) === 92 && close - 1 - slashes > start) slashes++;
        if (slashes % 2 === 0) break;
        close++;
      } else if (text.charCodeAt(close + 1) === singleQuote) close += 2;
      else break;
    }
    const raw = this.#file.slice(start + 1, close);
    const lastLine = raw.lastIndexOf('\n');
    if (lastLine >= 0) {
      if (/\n(?:---|\.\.\.)(?:[ \t\r\n]|$)/.test(raw)) throw unsure;
      this.#lineStart = start + 1 + lastLine + 1;
    }
    const simple = lastLine < 0 && !raw.includes(double ? '\\' : "'");
    const decoded = simple ? raw : decodeQuoted(raw, double);
    if (decoded === undefined) throw unsure;
    this.#at = close + 1;
    return scalar(start, close + 1, decoded, double ? 'double' : 'single', -1);
  }

  #blockScalar(parent: number): YamlScalar {
    const start = this.#at;
    const block = decodeBlock(this.#file, start, parent);
    if (block === undefined) throw unsure;
    this.#at = block.next;
    this.#lineStart = block.next;
    return scalar(start, block.end, block.text, block.literal ? 'literal' : 'folded', parent);
  }

  #flow(): YamlNode {
    if (++this.#depth > maxDepth) throw new TooDeep(this.#at);
    const node = this.#text.charCodeAt(this.#at) === openBracket ? this.#flowList() : this.#flowMap();
    this.#depth--;
    return node;
  }

  #flowList(): YamlList {
    const text = this.#text;
    const start = this.#at++;
    const items: YamlNode[] = [];
    for (;;) {
      this.#toFlowToken();
      if (text.charCodeAt(this.#at) === closeBracket) break;
      items.push(this.#flowValue());
      this.#toFlowToken();
      const c = text.charCodeAt(this.#at);
      if (c === comma) this.#at++;
      else if (c !== closeBracket) throw unsure;
    }
    this.#at++;
    return { kind: 'list', start, end: this.#at, items, flow: true, tag: undefined };
  }

  #flowMap(): YamlMap {
    const text = this.#text;
    const start = this.#at++;
    const keys: YamlNode[] = [];
    const values: YamlNode[] = [];
    for (;;) {
      this.#toFlowToken();
      if (text.charCodeAt(this.#at) === closeBrace) break;
      const lineStart = this.#lineStart;
      const key = this.#flowValue();
      if (key.kind !== 'scalar' || key.end - key.start > 1000) throw unsure;
      keys.push(key);
      this.#toFlowToken();
      if (text.charCodeAt(this.#at) === colon) {
        if (this.#lineStart !== lineStart) throw unsure;
        this.#at++;
        const afterColon = this.#at;
        this.#toFlowToken();
        const c = text.charCodeAt(this.#at);
        if (c === comma || c === closeBrace) values.push(emptyScalar(afterColon));
        else values.push(this.#flowValue());
        this.#toFlowToken();
      } else values.push(emptyScalar(key.end));
      const c = text.charCodeAt(this.#at);
      if (c === comma) this.#at++;
      else if (c !== closeBrace) throw unsure;
    }
    this.#at++;
    return { kind: 'map', start, end: this.#at, keys, values, flow: true, tag: undefined };
  }

  #flowValue(): YamlNode {
    const text = this.#text;
    const c = text.charCodeAt(this.#at);
    if (c === openBracket || c === openBrace) return this.#flow();
    if (c === doubleQuote || c === singleQuote) return this.#quoted();
    if (indicators.has(c) || c === questionMark || c === colon || c !== c) throw unsure;
    if (c === dash && isBlankOrEnd(text.charCodeAt(this.#at + 1))) throw unsure;
    const start = this.#at;
    let end = start;
    let i = start;
    for (; ; i++) {
      const d = text.charCodeAt(i);
      if (d === space || d === tab) continue;
      if (d === comma || d === closeBracket || d === closeBrace || d === lineFeed || d !== d) break;
      if (d === openBracket || d === openBrace) throw unsure;
      if (d === colon && isBlankOrEnd(text.charCodeAt(i + 1))) break;
      // Where one reader ends a plain text at `:,` or `?` another goes on.
      if (d === colon && /[,[\]{}]/.test(text.charAt(i + 1))) throw unsure;
      if (d === questionMark && isBlankOrEnd(text.charCodeAt(i + 1))) throw unsure;
      if (d === hash && isBlankOrEnd(text.charCodeAt(i - 1))) break;
      end = i + 1;
    }
    this.#at = end;
    if (text.charCodeAt(i) === lineFeed) {
      const lineStart = this.#lineStart;
      this.#toFlowToken();
      const next = text.charCodeAt(this.#at);
      if (next !== comma && next !== closeBracket && next !== closeBrace) throw unsure;
      this.#at = end;
      this.#lineStart = lineStart;
    }
    return scalar(start, end, text.slice(start, end), 'plain', -1);
  }

  #toFlowToken(): void {
    const text = this.#text;
    for (;;) {
      while (text.charCodeAt(this.#at) === space || text.charCodeAt(this.#at) === tab) this.#at++;
      const c = text.charCodeAt(this.#at);
      if (c === lineFeed) {
        this.#at++;
        this.#lineStart = this.#at;
        if (this.#marker()) throw unsure;
      } else if (c === hash) {
        if (!isBlankOrEnd(text.charCodeAt(this.#at - 1))) throw unsure;
        this.#at = lineEnd(text, this.#at);
      } else return;
    }
  }
}

function scalar(
  start: number,
  end: number,
  text: string,
  style: YamlScalar['style'],
  indent: number,
): YamlScalar {
  return { kind: 'scalar', start, end, text, style, tag: undefined, indent };
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}
