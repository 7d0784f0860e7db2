import { beginsPattern, characterClass, code, isClass } from './characters.ts';
import { readSpecial, readWord } from './read-word.ts';
import type { Scanner } from './scanner.ts';
import type { TestExpression, Word, WordPart } from './syntax-tree.ts';

const unary = new Set('abcdefghknoprstuvwxzGLNORS'.split('').map((letter) => `-${letter}`));
const binary = new Set('= == != =~ < > -nt -ot -ef -eq -ne -le -ge -lt -gt'.split(' '));

/** Reads what follows `[[` up to and with `]]`. */
export function readTest(scanner: Scanner, opened: number): TestExpression {
  scanner.enter();
  scanner.skipLines();
  if (scanner.atEnd() || scanner.keyword() === ']]') scanner.fail('an expression must follow [[', opened);
  const expression = readEither(scanner, opened);
  scanner.skipLines();
  if (scanner.keyword() !== ']]') {
    if (scanner.atEnd()) scanner.fail('the [[ that is opened here is never closed', opened);
    const { at } = scanner;
    const word = readWord(scanner);
    const shown = word === undefined ? scanner.text.charAt(at) : scanner.text.slice(at, scanner.at);
    scanner.fail(`"${shown}" is no operator of [[ … ]]`, at);
  }
  scanner.takeKeyword();
  scanner.leave();
  return expression;
}

function readEither(scanner: Scanner, opened: number): TestExpression {
  let left = readBoth(scanner, opened);
  for (;;) {
    scanner.skipLines();
    if (!scanner.text.startsWith('||', scanner.at)) return left;
    left = joined(scanner, '||', left, () => readBoth(scanner, opened));
  }
}

function readBoth(scanner: Scanner, opened: number): TestExpression {
  let left = readPrimary(scanner, opened);
  for (;;) {
    scanner.skipLines();
    if (!scanner.text.startsWith('&&', scanner.at)) return left;
    left = joined(scanner, '&&', left, () => readPrimary(scanner, opened));
  }
}

function joined(
  scanner: Scanner,
  operator: string,
  left: TestExpression,
  read: () => TestExpression,
): TestExpression {
  const { at } = scanner;
  scanner.at += 2;
  scanner.skipLines();
  if (scanner.atEnd() || scanner.keyword() === ']]')
    scanner.fail(`an expression must follow ${operator}`, at);
  return { kind: 'testBinary', line: lineOf(left), left, operator, right: read() };
}

function lineOf(expression: TestExpression): number {
  return expression.line;
}

function readPrimary(scanner: Scanner, opened: number): TestExpression {
  const { at, line } = scanner;
  const c = scanner.peek();
  if (
    c === code.bang &&
    isClass(scanner.peekAt(1), characterClass.breaks) &&
    !beginsPattern(scanner.text, at)
  ) {
    scanner.at++;
    scanner.enter();
    scanner.skipLines();
    if (scanner.atEnd() || scanner.keyword() === ']]') scanner.fail('an expression must follow !', at);
    const operand = readPrimary(scanner, opened);
    scanner.leave();
    return { kind: 'testUnary', line, operator: '!', operand };
  }
  if (c === code.open) {
    scanner.at++;
    scanner.enter();
    scanner.skipLines();
    const inner = readEither(scanner, opened);
    scanner.leave();
    scanner.skipLines();
    if (scanner.peek() !== code.close) scanner.fail('the ( that is opened here is never closed', at);
    scanner.at++;
    return { kind: 'testGroup', line, inner };
  }
  const word = readWord(scanner);
  if (word === undefined) {
    if (scanner.atEnd()) scanner.fail('the [[ that is opened here is never closed', opened);
    scanner.fail(`"${scanner.text.charAt(at)}" cannot stand here in [[ … ]]`, at);
  }
  scanner.skipBlanks();
  const operator = binaryOperator(scanner);
  const plain = scanner.text.slice(at, at + 2);
  const isUnary = unary.has(plain) && word.parts.length === 1 && isClass(scanner.text.charCodeAt(at + 2), 1);
  if (isUnary && operator === undefined) {
    const operand = scanner.keyword() === ']]' ? undefined : readWord(scanner);
    if (operand === undefined) scanner.fail(`a word must follow ${plain}`, at);
    return { kind: 'testUnary', line, operator: plain, operand };
  }
  if (operator === undefined) return word;
  const operatorAt = scanner.at;
  scanner.at += operator.length;
  scanner.skipBlanks();
  const right = operator === '=~' ? readExpression(scanner) : readOperand(scanner);
  if (right === undefined) scanner.fail(`a word must follow ${operator}`, operatorAt);
  return { kind: 'testBinary', line, left: word, operator, right };
}

function readOperand(scanner: Scanner): Word | undefined {
  return scanner.keyword() === ']]' ? undefined : readWord(scanner);
}

/** The operator between two words that begins here. */
function binaryOperator(scanner: Scanner): string | undefined {
  const { text, at } = scanner;
  const c = scanner.peek();
  if (c === code.less || c === code.greater) {
    return scanner.peekAt(1) === code.open ? undefined : text.charAt(at);
  }
  let end = at;
  while (end < text.length && end - at < 4 && !isClass(text.charCodeAt(end), characterClass.breaks)) end++;
  const word = text.slice(at, end);
  return binary.has(word) ? word : undefined;
}

/** Reads a regular expression: parentheses, bars and, between parentheses, blanks belong to it. */
function readExpression(scanner: Scanner): Word | undefined {
  const { text, line, at: offset } = scanner;
  const parts: WordPart[] = [];
  let open = 0;
  let from = offset;
  const flush = (): void => {
    const end = scanner.at;
    if (end > from) parts.push({ kind: 'text', text: text.slice(from, end), line, endLine: scanner.line });
  };
  for (; !scanner.atEnd();) {
    const c = scanner.peek();
    if (c === code.newline) break;
    if (open === 0 && (c === code.space || c === code.tab)) break;
    if (c === code.open) open++;
    if (c === code.close && --open < 0) break;
    if (c === code.backslash) scanner.at++;
    else if (isClass(c, characterClass.special)) {
      const { at } = scanner;
      const end = scanner.at;
      const part = readSpecial(scanner);
      if (part !== undefined) {
        if (end > from) parts.push({ kind: 'text', text: text.slice(from, at), line, endLine: line });
        parts.push(part);
        from = scanner.at;
        continue;
      }
    }
    scanner.at++;
  }
  flush();
  return parts.length === 0 ? undefined : { kind: 'word', line, offset, parts };
}
