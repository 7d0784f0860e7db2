import { characterClass, code, isClass, isNamePart, nameEnd } from './characters.ts';
import { readSpecial } from './read-word.ts';
import type { Scanner } from './scanner.ts';
import type { Arithmetic, Word, WordPart } from './syntax-tree.ts';

/** What ends an expression besides what cannot be in one. */
export type ArithmeticEnd = 'parentheses' | 'bracket' | 'slice' | 'semicolon' | 'word';

/** From the longest to the shortest, so that the first that fits is the operator. */
const operators =
  '<<= >>= ** ++ -- << >> <= >= == != && || += -= *= /= %= &= ^= |= + - * / % < > & ^ | ? : = ,'.split(' ');

const assigning = new Set(['=', '+=', '-=', '*=', '/=', '%=', '&=', '^=', '|=', '<<=', '>>=']);

/** Reads an arithmetic expression and the space around it. An empty one is a problem of what opened it. */
export function readArithmetic(
  scanner: Scanner,
  end: ArithmeticEnd,
  opened: number,
  opener: string,
): Arithmetic {
  const found = readOptionalArithmetic(scanner, end);
  if (found === undefined) scanner.fail(`an expression must follow ${opener}`, opened);
  return found;
}

/** Reads an arithmetic expression; `undefined` where it ends before it begins. */
export function readOptionalArithmetic(scanner: Scanner, end: ArithmeticEnd): Arithmetic | undefined {
  scanner.enter();
  skip(scanner, end);
  const first = readOperand(scanner, end);
  const result = first === undefined ? undefined : readTerms(scanner, first, end);
  scanner.leave();
  return result;
}

function readTerms(scanner: Scanner, first: Arithmetic, end: ArithmeticEnd): Arithmetic {
  const rest: { operator: string; operand: Arithmetic }[] = [];
  let questions = 0;
  let last = first;
  /** Whether `last` is all that an assignment behind it would assign to. */
  let alone = true;
  for (;;) {
    skip(scanner, end);
    const { at } = scanner;
    if (atEnd(scanner, end, questions)) break;
    const operator = operators.find((candidate) => scanner.text.startsWith(candidate, at));
    if (operator === undefined || (operator === ':' && questions === 0)) {
      const shown = scanner.text.slice(
        at,
        isNamePart(scanner.peek()) ? nameEnd(scanner.text, at) || at + 1 : at + 1,
      );
      scanner.fail(`"${shown || scanner.text.slice(at, at + 1)}" is no operator of arithmetic`);
    }
    if (operator === '?') questions++;
    if (operator === ':') questions--;
    if (assigning.has(operator) && !(alone && isVariable(last))) {
      scanner.fail(`the name of a variable must stand before ${operator}`);
    }
    scanner.at += operator.length;
    skip(scanner, end);
    const operand = readOperand(scanner, end);
    if (operand === undefined) scanner.fail(`an expression must follow ${operator}`, at);
    rest.push({ operator, operand });
    last = operand;
    alone = operator === ',' || operator === '?' || assigning.has(operator);
  }
  if (questions > 0) scanner.fail('there is a ? without its :');
  return rest.length === 0 ? first : { kind: 'terms', first, rest };
}

function isVariable(operand: Arithmetic): boolean {
  if (operand.kind !== 'word' || operand.parts.length !== 1) return false;
  const part = operand.parts[0];
  return part?.kind === 'element' || (part?.kind === 'text' && nameEnd(part.text, 0) === part.text.length);
}

function atEnd(scanner: Scanner, end: ArithmeticEnd, questions: number): boolean {
  const c = scanner.peek();
  if (scanner.atEnd() || c === code.close || c === code.semicolon) return true;
  if (end === 'bracket') return c === code.closeBracket;
  if (end === 'slice') return c === code.closeBrace || (c === code.colon && questions === 0);
  if (end !== 'word') return false;
  const next = scanner.peekAt(1);
  return (
    c === code.space ||
    c === code.tab ||
    c === code.newline ||
    c === code.verticalTab ||
    // `let a=1 && b`: operators of the shell only count after a blank, which is gone over by the caller.
    (c === code.ampersand && next !== code.ampersand)
  );
}

function skip(scanner: Scanner, end: ArithmeticEnd): void {
  if (end !== 'word') scanner.skipSpace();
}

function readOperand(scanner: Scanner, end: ArithmeticEnd): Arithmetic | undefined {
  const c = scanner.peek();
  const { at } = scanner;
  const next = scanner.peekAt(1);
  if (c === code.plus || c === code.minus || c === code.bang || c === code.tilde) {
    const double = (c === code.plus || c === code.minus) && next === c;
    const operator = scanner.text.slice(at, at + (double ? 2 : 1));
    scanner.at += operator.length;
    scanner.enter();
    skip(scanner, end);
    const operand = readOperand(scanner, end);
    scanner.leave();
    if (operand === undefined) scanner.fail(`an expression must follow ${operator}`, at);
    return { kind: 'unary', operator, postfix: false, operand };
  }
  if (c === code.open) {
    scanner.at++;
    const inner = readArithmetic(scanner, 'parentheses', at, '(');
    if (scanner.peek() !== code.close) scanner.fail('the ( that is opened here is never closed', at);
    scanner.at++;
    return { kind: 'group', inner };
  }
  const word = readArithmeticWord(scanner, end);
  if (word === undefined) return undefined;
  skip(scanner, end);
  const following = scanner.peek();
  if ((following === code.plus || following === code.minus) && scanner.peekAt(1) === following) {
    if (!isVariable(word)) scanner.fail('++ and -- must follow the name of a variable');
    const operator = scanner.text.slice(scanner.at, scanner.at + 2);
    scanner.at += 2;
    return { kind: 'unary', operator, postfix: true, operand: word };
  }
  return word;
}

function readArithmeticWord(scanner: Scanner, end: ArithmeticEnd): Word | undefined {
  const { text, line, at: offset } = scanner;
  const parts: WordPart[] = [];
  for (; !scanner.atEnd();) {
    const c = scanner.peek();
    if (isClass(c, characterClass.special) && c !== code.backslash) {
      const part = readSpecial(scanner);
      if (part === undefined) scanner.fail('"$" begins no expansion here');
      parts.push(part);
      continue;
    }
    const from = scanner.at;
    const named = nameEnd(text, from);
    if (named > from && text.charCodeAt(named) === code.openBracket) {
      parts.push(readElement(scanner, named));
      continue;
    }
    let at = from;
    for (; at < text.length; at++) {
      const next = text.charCodeAt(at);
      if (next === code.backslash && text.charCodeAt(at + 1) !== code.newline) at++;
      else if (isClass(next, characterClass.operator | characterClass.special)) break;
    }
    if (at === from) break;
    scanner.at = Math.min(at, text.length);
    // A backslash that ends the text stands for itself.
    const shown = text.slice(from, at) + (at > text.length ? '\\' : '');
    parts.push({ kind: 'text', text: shown, line: scanner.line, endLine: scanner.line });
  }
  if (parts.length > 0) return { kind: 'word', line, offset, parts };
  // Inside brackets of an array `*` and `@` are all elements.
  const c = scanner.peek();
  if (end !== 'bracket' || c !== code.star || scanner.peekAt(1) !== code.closeBracket) return undefined;
  scanner.at++;
  return { kind: 'word', line, offset, parts: [{ kind: 'text', text: '*', line, endLine: line }] };
}

function readElement(scanner: Scanner, named: number): WordPart {
  const { text, at, line } = scanner;
  scanner.at = named + 1;
  const index = readArithmetic(scanner, 'bracket', named, '[');
  if (scanner.peek() !== code.closeBracket) scanner.fail('the [ that is opened here is never closed', named);
  scanner.at++;
  return { kind: 'element', name: text.slice(at, named), index, line, endLine: scanner.line };
}
