import { beginsPattern, characterClass, code, isClass, nameEnd } from './characters.ts';
import { readArithmetic } from './read-arithmetic.ts';
import { readParameter } from './read-parameter.ts';
import { readStatements } from './read-statements.ts';
import { Scanner, ShellProblem } from './scanner.ts';
import type { Word, WordPart } from './syntax-tree.ts';

/** Reads the unquoted word that begins here; `undefined` where none does. */
export function readWord(scanner: Scanner): Word | undefined {
  const { line, at: offset } = scanner;
  const first = readWordPart(scanner);
  if (first === undefined) return undefined;
  // Most words have one part: an array that never grows takes a fraction of the memory.
  const parts = [first];
  for (;;) {
    const part = readWordPart(scanner);
    if (part === undefined) return { kind: 'word', line, offset, parts };
    parts.push(part);
  }
}

function readWordPart(scanner: Scanner): WordPart | undefined {
  const c = scanner.peek();
  // A carriage return is a blank except inside text.
  if (scanner.atEnd() || c === code.carriageReturn) return undefined;
  if (isClass(c, characterClass.breaks)) {
    const substitutes = (c === code.less || c === code.greater) && scanner.peekAt(1) === code.open;
    return substitutes ? readSubstitution(scanner) : undefined;
  }
  if (isClass(c, characterClass.special) && c !== code.backslash) {
    const part = readSpecial(scanner);
    if (part !== undefined) return part;
  }
  if (beginsPattern(scanner.text, scanner.at)) return readPattern(scanner);
  return c === code.backslash && endsBehindLines(scanner) ? undefined : readText(scanner);
}

/** Whether escaped line ends stand here and no more of the word behind them. */
function endsBehindLines({ text, at }: Scanner): boolean {
  let end = at;
  while (text.charCodeAt(end) === code.backslash && text.charCodeAt(end + 1) === code.newline) end += 2;
  return end > at && (end >= text.length || isClass(text.charCodeAt(end), characterClass.breaks));
}

/** Reads unquoted text. Escaped line ends in it vanish. */
function readText(scanner: Scanner): WordPart {
  const { text, line } = scanner;
  let from = scanner.at;
  let kept = '';
  let at = from;
  for (;;) {
    const c = text.charCodeAt(at);
    if (c === code.backslash) {
      if (text.charCodeAt(at + 1) === code.newline) {
        kept += text.slice(from, at);
        at += 2;
        from = at;
        scanner.line++;
      } else at += 2;
      continue;
    }
    if (at >= text.length || isClass(c, characterClass.breaks)) break;
    if (isClass(c, characterClass.special)) {
      if (c !== code.dollar || beginsExpansion(text, at)) break;
      refuseParted(scanner, at);
    }
    if (at > from && beginsPattern(text, at)) break;
    at++;
  }
  scanner.at = Math.min(at, text.length);
  kept += text.slice(from, at);
  // A backslash that ends the text stands for itself.
  if (at > text.length) kept += '\\';
  // Escaped line ends between two parts of a word are no part: what follows them is still printed from its line on.
  return { kind: 'text', text: kept, line, endLine: kept === '' ? line : scanner.line };
}

/** Refuses a dollar with an escaped line end between it and what it expands. Others are characters like any. */
function refuseParted(scanner: Scanner, dollar: number): void {
  const { text } = scanner;
  let at = dollar + 1;
  while (text.charCodeAt(at) === code.backslash && text.charCodeAt(at + 1) === code.newline) at += 2;
  if (at > dollar + 1 && beginsExpansion(text, at - 1)) {
    scanner.fail('this $ is parted from what it expands by the end of the line', dollar);
  }
}

function beginsExpansion(text: string, at: number): boolean {
  const next = text.charCodeAt(at + 1);
  return (
    next === code.open ||
    next === code.openBrace ||
    next === code.openBracket ||
    next === code.singleQuote ||
    next === code.doubleQuote ||
    isClass(next, characterClass.nameStart | characterClass.parameter)
  );
}

/** Reads a quote or an expansion; `undefined` at a dollar that stands for itself. */
export function readSpecial(scanner: Scanner): WordPart | undefined {
  const c = scanner.peek();
  if (c === code.singleQuote) return readSingleQuoted(scanner, false);
  if (c === code.doubleQuote) return readDoubleQuoted(scanner, '"');
  if (c === code.backquote) return readBackquoted(scanner);
  const next = scanner.peekAt(1);
  if (next === code.singleQuote) return readSingleQuoted(scanner, true);
  if (next === code.doubleQuote) return readDoubleQuoted(scanner, '$"');
  return readExpansion(scanner);
}

/** Reads what a dollar begins, also inside double quotes; `undefined` where it stands for itself. */
export function readExpansion(scanner: Scanner, quoted = false): WordPart | undefined {
  const { text, at, line } = scanner;
  const next = text.charCodeAt(at + 1);
  if (isClass(next, characterClass.nameStart)) {
    const end = (scanner.at = nameEnd(text, at + 1));
    // An escaped line end right behind a name vanishes: it does not part the name from what follows.
    scanner.skipEscapedLines();
    return { kind: 'text', text: text.slice(at, end), line, endLine: scanner.line };
  }
  if (next === code.openBrace) return readParameter(scanner, quoted);
  if (next === code.open) {
    return text.charCodeAt(at + 2) === code.open
      ? readArithmeticExpansion(scanner)
      : readSubstitution(scanner);
  }
  if (next === code.openBracket) return readArithmeticExpansion(scanner);
  if (!isClass(next, characterClass.parameter)) return undefined;
  scanner.at += 2;
  return { kind: 'text', text: text.slice(at, scanner.at), line, endLine: line };
}

function readSingleQuoted(scanner: Scanner, escapes: boolean): WordPart {
  const { text, at, line } = scanner;
  let end = at + (escapes ? 2 : 1);
  if (escapes) {
    while (end < text.length && text.charCodeAt(end) !== code.singleQuote) {
      end += text.charCodeAt(end) === code.backslash ? 2 : 1;
    }
  } else end = text.indexOf("'", end);
  if (end < 0 || end >= text.length) scanner.fail("the quote ' that is opened here is never closed", at);
  scanner.advanceTo(end + 1);
  return { kind: 'text', text: text.slice(at, end + 1), line, endLine: scanner.line };
}

function readDoubleQuoted(scanner: Scanner, open: string): WordPart {
  const { at, line } = scanner;
  scanner.at += open.length;
  scanner.enter();
  const parts = readQuotedParts(scanner, () => scanner.peek() === code.doubleQuote);
  scanner.leave();
  if (scanner.atEnd()) scanner.fail('the quote " that is opened here is never closed', at);
  scanner.at++;
  return { kind: 'quoted', open, parts, line, endLine: scanner.line };
}

/** Reads text with expansions and escapes but without quotes, up to where `ends` holds or the text ends. */
function readQuotedParts(scanner: Scanner, ends: () => boolean): WordPart[] {
  const { text } = scanner;
  const parts: WordPart[] = [];
  let from = scanner.at;
  let line = scanner.line;
  const flush = (): void => {
    if (scanner.at > from) {
      parts.push({ kind: 'text', text: text.slice(from, scanner.at), line, endLine: scanner.line });
    }
  };
  for (; !scanner.atEnd() && !ends();) {
    const c = scanner.peek();
    if (c === code.dollar || c === code.backquote) {
      if (c === code.dollar && !beginsQuotedExpansion(text, scanner.at)) {
        scanner.at++;
        continue;
      }
      flush();
      const part = c === code.dollar ? readExpansion(scanner, true) : readBackquoted(scanner);
      if (part !== undefined) parts.push(part);
      from = scanner.at;
      line = scanner.line;
      continue;
    }
    if (c === code.backslash) {
      scanner.at++;
      if (scanner.atEnd()) break;
    }
    if (scanner.peek() === code.newline) scanner.line++;
    scanner.at++;
  }
  flush();
  return parts;
}

function beginsQuotedExpansion(text: string, at: number): boolean {
  const next = text.charCodeAt(at + 1);
  return next !== code.singleQuote && next !== code.doubleQuote && beginsExpansion(text, at);
}

function readSubstitution(scanner: Scanner): WordPart {
  const { text, at, line, due } = scanner;
  const open = text.slice(at, at + 2);
  scanner.at += 2;
  // Here-documents of the command around it begin after its line, not after one in here.
  scanner.due = [];
  const body = readStatements(scanner);
  if (scanner.peek() !== code.close) scanner.fail(`the ${open} that is opened here is never closed`, at);
  scanner.at++;
  scanner.due = [...due, ...scanner.due];
  return { kind: 'command', open, body, line, endLine: scanner.line };
}

/** Reads `` `…` ``: what is between, with one level of escapes taken off, is a text of its own. */
function readBackquoted(scanner: Scanner): WordPart {
  const { text, at, line } = scanner;
  let inner = '';
  let from = at + 1;
  let end = from;
  /** Pairs of where a backslash was dropped: offset in `inner`, and how far its text then is behind. */
  const dropped: number[] = [];
  for (;;) {
    const c = text.charCodeAt(end);
    if (end >= text.length) scanner.fail('the quote ` that is opened here is never closed', at);
    if (c === code.backquote) break;
    if (c === code.backslash) {
      const next = text.charCodeAt(end + 1);
      if (next === code.backquote || next === code.dollar || next === code.backslash) {
        inner += text.slice(from, end);
        from = end + 1;
        dropped.push(inner.length);
      }
      end++;
    }
    end++;
  }
  inner += text.slice(from, end);
  const nested = new Scanner(inner, line, scanner.depth, scanner.readBodies);
  let body;
  try {
    body = readStatements(nested);
    if (nested.peek() === code.close) nested.fail('this ) closes nothing');
    for (const heredoc of nested.due) nested.fail(unclosed(heredoc.delimiter), heredoc.offset);
  } catch (cause) {
    if (!(cause instanceof ShellProblem)) throw cause;
    const offset = at + 1 + cause.offset + dropped.filter((place) => place <= cause.offset).length;
    throw new ShellProblem(cause.message, Math.min(offset, end));
  }
  scanner.advanceTo(end + 1);
  return { kind: 'command', open: '$(', body, line, endLine: scanner.line };
}

function readArithmeticExpansion(scanner: Scanner): WordPart {
  const { at, line } = scanner;
  const bracket = scanner.peekAt(1) === code.openBracket;
  scanner.at += bracket ? 2 : 3;
  const expression = readArithmetic(scanner, bracket ? 'bracket' : 'parentheses', at, bracket ? '$[' : '$((');
  const closed = bracket
    ? scanner.peek() === code.closeBracket
    : scanner.peek() === code.close && scanner.peekAt(1) === code.close;
  if (!closed) {
    scanner.fail(
      bracket
        ? 'the $[ that is opened here is never closed'
        : 'the $(( that is opened here is not closed by )); write $( ( for a subshell in a command substitution',
      at,
    );
  }
  scanner.at += bracket ? 1 : 2;
  return { kind: 'arithmetic', expression, line, endLine: scanner.line };
}

/** Reads an extended pattern such as `@(a|b)`, as it is. */
function readPattern(scanner: Scanner): WordPart {
  const { text, at, line } = scanner;
  let open = 0;
  let end = at + 1;
  for (; end < text.length; end++) {
    const c = text.charCodeAt(end);
    if (c === code.backslash) end++;
    else if (c === code.open) open++;
    else if (c === code.close && --open === 0) break;
    else if (c === code.singleQuote || c === code.doubleQuote) {
      const close = text.indexOf(c === code.singleQuote ? "'" : '"', end + 1);
      if (close < 0) scanner.fail('the quote that is opened here is never closed', end);
      end = close;
    }
  }
  if (end >= text.length)
    scanner.fail(`the ${text.slice(at, at + 2)} that is opened here is never closed`, at);
  scanner.advanceTo(end + 1);
  return { kind: 'text', text: text.slice(at, end + 1), line, endLine: scanner.line };
}

/** Reads the bodies of the here-documents that are due, at the beginning of a line. */
export function readHeredocs(scanner: Scanner): void {
  const { due, text } = scanner;
  scanner.due = [];
  for (const heredoc of due) {
    heredoc.line = scanner.line;
    let found = -1;
    let escaped = false;
    const atDelimiter = (): boolean => {
      if (found >= 0) return true;
      if (escaped || (scanner.at > 0 && text.charCodeAt(scanner.at - 1) !== code.newline)) return false;
      let start = scanner.at;
      if (heredoc.stripsTabs) while (text.charCodeAt(start) === code.tab) start++;
      const end = start + heredoc.delimiter.length;
      if (!text.startsWith(heredoc.delimiter, start)) return false;
      if (end < text.length && text.charCodeAt(end) !== code.newline) return false;
      found = end;
      return true;
    };
    if (heredoc.literal) {
      const start = scanner.at;
      while (!scanner.atEnd() && !atDelimiter()) {
        const end = text.indexOf('\n', scanner.at);
        scanner.at = end < 0 ? text.length : end + 1;
        if (end >= 0) scanner.line++;
      }
      if (scanner.at > start) {
        const body = text.slice(start, scanner.at);
        heredoc.parts = [{ kind: 'text', text: body, line: heredoc.line, endLine: scanner.line }];
      }
    } else {
      heredoc.parts = readQuotedParts(scanner, () => {
        // A line end that is escaped begins no line of its own.
        escaped = isEscaped(text, scanner.at - 1);
        return atDelimiter();
      });
    }
    if (found < 0 && !atDelimiter()) scanner.fail(unclosed(heredoc.delimiter), heredoc.offset);
    heredoc.endLine = scanner.line;
    scanner.at = found;
    // The line end after a delimiter begins the body of the next one.
    if (heredoc !== due.at(-1) || scanner.peek() === code.newline) {
      if (scanner.atEnd()) continue;
      scanner.at++;
      scanner.line++;
    }
  }
}

/** Whether the line end at `at` has an odd number of backslashes before it. */
function isEscaped(text: string, at: number): boolean {
  if (at < 0 || text.charCodeAt(at) !== code.newline) return false;
  let start = at;
  while (start > 0 && text.charCodeAt(start - 1) === code.backslash) start--;
  return (at - start) % 2 === 1;
}

/** What is wrong when the body of a here-document has no end. */
export function unclosed(delimiter: string): string {
  return `the here-document that begins here has no line "${delimiter}" that ends it`;
}
