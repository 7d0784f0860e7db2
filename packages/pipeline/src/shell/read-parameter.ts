import { characterClass, code, isClass, nameEnd } from './characters.ts';
import { readArithmetic, readOptionalArithmetic } from './read-arithmetic.ts';
import { readExpansion, readSpecial } from './read-word.ts';
import type { Scanner } from './scanner.ts';
import type { Parameter, ParameterPiece, Word, WordPart } from './syntax-tree.ts';

/** Reads `${…}`. Inside double quotes, single quotes in the word of `:-` and its like stand for themselves. */
export function readParameter(scanner: Scanner, quoted: boolean): Parameter {
  const { at: opened, line } = scanner;
  const pieces: ParameterPiece[] = [{ kind: 'plain', text: '${' }];
  scanner.at += 2;
  scanner.enter();
  readName(scanner, pieces);
  readOperation(scanner, pieces, quoted, opened);
  scanner.leave();
  if (scanner.peek() !== code.closeBrace) scanner.fail('the ${ that is opened here is never closed', opened);
  scanner.at++;
  pieces.push({ kind: 'plain', text: '}' });
  return { kind: 'parameter', pieces, line, endLine: scanner.line };
}

function readName(scanner: Scanner, pieces: ParameterPiece[]): void {
  const { text } = scanner;
  const from = scanner.at;
  const c = scanner.peek();
  // `${#a}` is a length, `${!a}` is what `a` names; `${#}` and `${!}` are parameters.
  if ((c === code.hash || c === code.bang) && followsPrefix(text, from + 1, c)) scanner.at++;
  const start = scanner.at;
  scanner.at = nameEnd(text, start);
  if (scanner.at === start && isClass(scanner.peek(), characterClass.digit)) {
    while (isClass(scanner.peek(), characterClass.digit)) scanner.at++;
  }
  if (scanner.at === start) {
    if (!isClass(scanner.peek(), characterClass.parameter))
      scanner.fail('the name of a variable must follow ${');
    scanner.at++;
    const next = scanner.peek();
    if (isClass(next, characterClass.nameStart)) {
      scanner.fail(`nothing can follow "${text.slice(start, scanner.at)}" but an operator or }`, start + 1);
    }
  }
  pieces.push({ kind: 'plain', text: text.slice(from, scanner.at) });
  if (scanner.peek() !== code.openBracket) return;
  const bracket = scanner.at;
  scanner.at++;
  pieces.push({ kind: 'plain', text: '[' });
  const all = scanner.peek();
  if ((all === code.at || all === code.star) && scanner.peekAt(1) === code.closeBracket) {
    pieces.push({ kind: 'plain', text: all === code.at ? '@' : '*' });
    scanner.at++;
  } else pieces.push({ kind: 'index', expression: readArithmetic(scanner, 'bracket', bracket, '[') });
  if (scanner.peek() !== code.closeBracket)
    scanner.fail('the [ that is opened here is never closed', bracket);
  scanner.at++;
  pieces.push({ kind: 'plain', text: ']' });
}

/** Whether a name follows `#` or `!`, which then is a prefix and not the parameter itself. */
function followsPrefix(text: string, at: number, prefix: number): boolean {
  const next = text.charCodeAt(at);
  if (isClass(next, characterClass.nameStart | characterClass.digit)) return true;
  if (!isClass(next, characterClass.parameter)) return false;
  const after = text.charCodeAt(at + 1);
  return after === code.closeBrace && !(prefix === code.bang && next === code.hash);
}

function readOperation(scanner: Scanner, pieces: ParameterPiece[], quoted: boolean, opened: number): void {
  const { text, at } = scanner;
  const c = scanner.peek();
  if (scanner.atEnd()) scanner.fail('the ${ that is opened here is never closed', opened);
  const plain = (length: number): void => {
    pieces.push({ kind: 'plain', text: text.slice(scanner.at, scanner.at + length) });
    scanner.at += length;
  };
  const next = scanner.peekAt(1);
  switch (c) {
    case code.closeBrace:
      return;
    case code.colon:
      if (next === code.minus || next === code.equals || next === code.plus || next === code.question) {
        plain(2);
        return readRest(scanner, pieces, quoted);
      }
      return readSlice(scanner, pieces);
    case code.minus:
    case code.equals:
    case code.plus:
    case code.question:
      plain(1);
      return readRest(scanner, pieces, quoted);
    case code.hash:
    case code.percent:
    case code.caret:
    case code.comma:
      plain(next === c ? 2 : 1);
      return readRest(scanner, pieces, false);
    case code.slash: {
      plain(next === code.slash ? 2 : 1);
      const pattern = readParameterWord(scanner, true, false);
      if (pattern !== undefined) pieces.push(pattern);
      pieces.push({ kind: 'plain', text: '/' });
      if (scanner.peek() === code.slash) {
        scanner.at++;
        readRest(scanner, pieces, false);
      }
      return;
    }
    case code.at:
      if (next === code.closeBrace) return plain(1);
      if (!'QEPAKakuUL'.includes(text.charAt(at + 1)) || text.charAt(at + 1) === '') {
        scanner.fail(`"@${text.charAt(at + 1)}" is no operator for the value of a variable`, at + 1);
      }
      return plain(2);
    case code.star:
      if (next === code.closeBrace && text.charCodeAt(opened + 2) === code.bang) return plain(1);
  }
  scanner.fail(`"${text.charAt(at)}" cannot follow the name of a variable in \${…}`);
}

function readRest(scanner: Scanner, pieces: ParameterPiece[], quoted: boolean): void {
  const word = readParameterWord(scanner, false, quoted);
  if (word !== undefined) pieces.push(word);
}

function readSlice(scanner: Scanner, pieces: ParameterPiece[]): void {
  for (let first = true; scanner.peek() === code.colon; first = false) {
    const { at } = scanner;
    scanner.at++;
    pieces.push({ kind: 'plain', text: ':' });
    const expression = readOptionalArithmetic(scanner, 'slice');
    if (expression !== undefined) pieces.push({ kind: 'slice', expression, first });
    else if (!first || scanner.peek() !== code.colon) scanner.fail('an expression must follow :', at);
    if (!first) return;
  }
}

/** Reads a word up to `}`, or `/` in a pattern; blanks and line ends belong to it, escaped line ends vanish. */
function readParameterWord(scanner: Scanner, pattern: boolean, quoted: boolean): Word | undefined {
  const { text, line, at: offset } = scanner;
  const parts: WordPart[] = [];
  let from = offset;
  let kept = '';
  let began = line;
  const flush = (at: number, endLine: number): void => {
    kept += text.slice(from, at);
    if (kept !== '') parts.push({ kind: 'text', text: kept, line: began, endLine });
    kept = '';
  };
  for (; !scanner.atEnd();) {
    const c = scanner.peek();
    // A slash right after the operator belongs to the pattern: `${a////_}`.
    if (c === code.closeBrace || (pattern && c === code.slash && scanner.at > offset)) break;
    if (isClass(c, characterClass.special) && c !== code.backslash && !(quoted && c === code.singleQuote)) {
      const { at, line: reached } = scanner;
      const part = quoted && c === code.dollar ? readExpansion(scanner, true) : readSpecial(scanner);
      if (part === undefined) {
        scanner.at++;
        continue;
      }
      flush(at, reached);
      parts.push(part);
      from = scanner.at;
      began = scanner.line;
      continue;
    }
    if (c === code.backslash) {
      if (scanner.peekAt(1) === code.newline) {
        kept += text.slice(from, scanner.at);
        scanner.skipEscapedLines();
        from = scanner.at;
        continue;
      }
      scanner.at++;
      if (scanner.atEnd()) break;
    }
    if (scanner.peek() === code.newline) scanner.line++;
    scanner.at++;
  }
  flush(scanner.at, scanner.line);
  return parts.length === 0 ? undefined : { kind: 'word', line, offset, parts };
}
