import { code, nameEnd } from './characters.ts';
import { compoundStarts } from './keywords.ts';
import { readArithmetic, readOptionalArithmetic } from './read-arithmetic.ts';
import { readElement, readPipeline, readStatements, requireCommand } from './read-statements.ts';
import { readTest } from './read-test.ts';
import { readWord } from './read-word.ts';
import type { Scanner } from './scanner.ts';
import type { Arithmetic, CaseItem, Command, If, LoopBody, Statement, Word } from './syntax-tree.ts';

/** Reads the compound command that `keyword`, which is next, begins. */
export function readCompound(scanner: Scanner, keyword: string): Command {
  const { at, line } = scanner;
  if (keyword === '(') scanner.at++;
  else scanner.takeKeyword();
  switch (keyword) {
    case '(':
      return scanner.peek() === code.open
        ? readArithmeticCommand(scanner, at)
        : readSubshell(scanner, at, line);
    case '{': {
      const body = readBody(scanner, '{', at, ['}']);
      requireWord(scanner, '}', 'the { that is opened here is never closed', at);
      return { kind: 'block', body, endLine: scanner.line };
    }
    case 'if':
      return readIf(scanner, at);
    case 'while':
    case 'until': {
      const condition = readBody(scanner, `"${keyword}"`, at, ['do']);
      requireWord(scanner, 'do', `the "${keyword}" that begins here has no "do"`, at);
      return { kind: 'while', keyword, condition, loop: readLoop(scanner, scanner.at - 2, keyword, at) };
    }
    case 'for':
    case 'select':
      return readFor(scanner, keyword, at);
    case 'case':
      return readCase(scanner, at);
    case '[[':
      return { kind: 'test', expression: readTest(scanner, at) };
    case 'let':
      return readLet(scanner, at);
    case 'time':
      return readTime(scanner);
    default:
      return readCoproc(scanner, at);
  }
}

/** Reads statements of which there must be one at least. */
function readBody(
  scanner: Scanner,
  after: string,
  at: number,
  ends: readonly string[],
): readonly Statement[] {
  const body = readStatements(scanner, ends);
  if (body.length === 0)
    scanner.fail(`there is no command after this ${after}; write : for one that does nothing`, at);
  return body;
}

function requireWord(scanner: Scanner, word: string, problem: string, at: number): void {
  if (scanner.keyword() !== word) {
    if (scanner.peek() === code.close)
      scanner.fail(`this ) comes too early: ${problem.replace('here', 'before it')}`);
    scanner.fail(problem, at);
  }
  scanner.takeKeyword();
}

function readSubshell(scanner: Scanner, at: number, line: number): Command {
  const body = readBody(scanner, '(', at, []);
  if (scanner.peek() !== code.close) scanner.fail('the ( that is opened here is never closed', at);
  scanner.at++;
  return { kind: 'subshell', line, body, endLine: scanner.line };
}

function readArithmeticCommand(scanner: Scanner, at: number): Command {
  scanner.at++;
  const expression = readArithmetic(scanner, 'parentheses', at, '((');
  if (scanner.peek() !== code.close || scanner.peekAt(1) !== code.close) {
    scanner.fail(
      'the (( that is opened here is not closed by )); write ( ( for a subshell in a subshell',
      at,
    );
  }
  scanner.at += 2;
  return { kind: 'arithmetic', expression };
}

function readIf(scanner: Scanner, at: number): If {
  type Branch = If['branches'][number];
  const branches: Branch[] = [];
  let otherwise: If['otherwise'];
  for (let keyword = 'if', start = at, { line } = scanner; ;) {
    const condition = readBody(scanner, `"${keyword}"`, start, ['then']);
    requireWord(scanner, 'then', `the "${keyword}" that begins here has no "then"`, start);
    const thenLine = scanner.line;
    const body = readBody(scanner, '"then"', scanner.at - 4, ['elif', 'else', 'fi']);
    branches.push({ line, condition, thenLine, body });
    if (scanner.keyword() !== 'elif') break;
    keyword = 'elif';
    ({ at: start, line } = scanner);
    scanner.takeKeyword();
  }
  if (scanner.keyword() === 'else') {
    const { line, at: start } = scanner;
    scanner.takeKeyword();
    otherwise = { line, body: readBody(scanner, '"else"', start, ['fi']) };
  }
  requireWord(scanner, 'fi', 'the "if" that begins here has no "fi"', at);
  return { kind: 'if', branches, otherwise, endLine: scanner.line };
}

function readLoop(scanner: Scanner, doAt: number, keyword: string, at: number): LoopBody {
  const { line } = scanner;
  const body = readBody(scanner, '"do"', doAt, ['done']);
  requireWord(scanner, 'done', `the "${keyword}" that begins here has no "done"`, at);
  return { line, body, endLine: scanner.line };
}

function readFor(scanner: Scanner, keyword: 'for' | 'select', at: number): Command {
  scanner.skipBlanks();
  if (keyword === 'for' && scanner.peek() === code.open && scanner.peekAt(1) === code.open) {
    const header = readHeader(scanner);
    scanner.skipBlanks();
    if (scanner.peek() === code.semicolon) scanner.at++;
    return { kind: 'arithmeticFor', header, loop: readDo(scanner, keyword, at) };
  }
  const word = readWord(scanner);
  const part = word?.parts[0];
  if (word?.parts.length !== 1 || part?.kind !== 'text' || /['$]/.test(part.text)) {
    scanner.fail(`the name of a variable must follow "${keyword}"`, at);
  }
  scanner.skipBlanks();
  const separated = scanner.peek() === code.semicolon;
  if (separated) scanner.at++;
  scanner.skipLines();
  let words: Word[] | undefined;
  if (!separated && scanner.keyword() === 'in') {
    scanner.takeKeyword();
    words = readWords(scanner);
    scanner.skipBlanks();
    const c = scanner.peek();
    const next = scanner.peekAt(1);
    if (c === code.semicolon && next !== code.semicolon) scanner.at++;
    else if (c !== code.newline && c !== code.hash) {
      scanner.fail(`"do" must follow the words of this "${keyword}", after a ; or a new line`, at);
    }
  }
  return { kind: 'for', keyword, name: part.text, words, loop: readDo(scanner, keyword, at) };
}

function readWords(scanner: Scanner): Word[] {
  const words: Word[] = [];
  for (;;) {
    scanner.skipBlanks();
    if (scanner.peek() === code.hash) return words;
    const word = readWord(scanner);
    if (word === undefined) return words;
    words.push(word);
  }
}

/** Reads `do … done`, or the braces that bash takes in their place. */
function readDo(scanner: Scanner, keyword: string, at: number): LoopBody {
  scanner.skipLines();
  if (scanner.keyword() === '{') {
    const { line, at: brace } = scanner;
    scanner.takeKeyword();
    const body = readBody(scanner, '{', brace, ['}']);
    requireWord(scanner, '}', 'the { that is opened here is never closed', brace);
    return { line, body, endLine: scanner.line };
  }
  requireWord(scanner, 'do', `the "${keyword}" that begins here has no "do"`, at);
  return readLoop(scanner, scanner.at - 2, keyword, at);
}

function readHeader(
  scanner: Scanner,
): readonly [Arithmetic | undefined, Arithmetic | undefined, Arithmetic | undefined] {
  const { at } = scanner;
  scanner.at += 2;
  const parts: (Arithmetic | undefined)[] = [];
  for (let i = 0; i < 3; i++) {
    parts.push(readOptionalArithmetic(scanner, 'semicolon'));
    scanner.skipSpace();
    if (i === 2) break;
    if (scanner.peek() !== code.semicolon)
      scanner.fail('a for (( needs three expressions with ; between them', at);
    scanner.at++;
  }
  if (scanner.peek() !== code.close || scanner.peekAt(1) !== code.close) {
    scanner.fail('the (( that is opened here is not closed by ))', at);
  }
  scanner.at += 2;
  return [parts[0], parts[1], parts[2]];
}

function readCase(scanner: Scanner, at: number): Command {
  scanner.skipBlanks();
  const word = readWord(scanner);
  if (word === undefined) scanner.fail('a word must follow "case"', at);
  scanner.skipLines();
  requireWord(scanner, 'in', 'the "case" that begins here has no "in"', at);
  const inLine = scanner.line;
  const items: CaseItem[] = [];
  for (;;) {
    scanner.skipLines();
    if (scanner.atEnd() || scanner.keyword() === 'esac') break;
    items.push(readItem(scanner));
    if (items.at(-1)?.terminatorLine === 0) break;
  }
  requireWord(scanner, 'esac', 'the "case" that begins here has no "esac"', at);
  return { kind: 'case', word, inLine, items, endLine: scanner.line };
}

function readItem(scanner: Scanner): CaseItem {
  const { line } = scanner;
  if (scanner.peek() === code.open) scanner.at++;
  const patterns: Word[] = [];
  for (;;) {
    scanner.skipBlanks();
    const pattern = readWord(scanner);
    if (pattern === undefined) scanner.fail('a pattern of the "case" must stand here');
    patterns.push(pattern);
    scanner.skipBlanks();
    const c = scanner.peek();
    if (c === code.close) break;
    if (c !== code.pipe) {
      scanner.fail('the patterns of a "case" must have | between them and ) behind them', pattern.offset);
    }
    scanner.at++;
  }
  scanner.at++;
  const body = readStatements(scanner, [';;', 'esac']);
  const terminator = [';;&', ';;', ';&'].find((one) => scanner.text.startsWith(one, scanner.at));
  if (terminator === undefined) {
    if (scanner.peek() === code.close)
      scanner.fail('this ) comes too early: the "case" before it has no "esac"');
    return { line, patterns, body, terminator: ';;', terminatorLine: 0 };
  }
  scanner.at += terminator.length;
  return { line, patterns, body, terminator, terminatorLine: scanner.line };
}

function readLet(scanner: Scanner, at: number): Command {
  const expressions: Arithmetic[] = [];
  for (;;) {
    scanner.skipBlanks();
    if (scanner.peek() === code.hash) break;
    const expression = readOptionalArithmetic(scanner, 'word');
    if (expression === undefined) break;
    expressions.push(expression);
  }
  if (expressions.length === 0) scanner.fail('an expression must follow "let"', at);
  return { kind: 'let', expressions };
}

function readTime(scanner: Scanner): Command {
  scanner.skipBlanks();
  const posix =
    scanner.text.startsWith('-p', scanner.at) && !/[^\s;&|<>()]/.test(scanner.text.charAt(scanner.at + 2));
  if (posix) scanner.at += 2;
  scanner.skipBlanks();
  const c = scanner.peek();
  const none =
    scanner.atEnd() ||
    c === code.newline ||
    c === code.semicolon ||
    (c === code.ampersand && scanner.peekAt(1) !== code.greater) ||
    c === code.pipe ||
    c === code.close ||
    c === code.hash;
  if (scanner.keyword() === '!') scanner.fail('! can only stand before a whole pipeline, not behind "time"');
  return { kind: 'time', posix, statement: none ? undefined : readPipeline(scanner) };
}

function readCoproc(scanner: Scanner, at: number): Command {
  scanner.skipBlanks();
  requireCommand(scanner, 'a command must follow "coproc"', at);
  const { text } = scanner;
  const end = nameEnd(text, scanner.at);
  const start = scanner.at;
  let name: string | undefined;
  if (end > start && (text.charCodeAt(end) === code.space || text.charCodeAt(end) === code.tab)) {
    if (!compoundStarts.has(text.slice(start, end))) {
      scanner.at = end;
      scanner.skipBlanks();
      if (scanner.peek() === code.open || compoundStarts.has(scanner.keyword() ?? ''))
        name = text.slice(start, end);
      else scanner.at = start;
    }
  }
  return { kind: 'coproc', name, statement: readElement(scanner) };
}
