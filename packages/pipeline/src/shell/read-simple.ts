import { code, nameEnd } from './characters.ts';
import { readArithmetic } from './read-arithmetic.ts';
import { readRedirect } from './read-redirect.ts';
import { readElement, requireCommand } from './read-statements.ts';
import { readWord } from './read-word.ts';
import type { Scanner } from './scanner.ts';
import type {
  Arithmetic,
  ArrayElement,
  Assignment,
  Command,
  Declaration,
  Redirect,
  Word,
} from './syntax-tree.ts';

/** Reads a command of words, or the function that its first word turns out to be the name of. */
export function readSimple(scanner: Scanner, redirects: Redirect[]): Command | undefined {
  const { at: began } = scanner;
  const assignments: Assignment[] = [];
  const words: Word[] = [];
  for (;;) {
    scanner.skipBlanks();
    const redirect = readRedirect(scanner);
    if (redirect !== undefined) {
      redirects.push(redirect);
      continue;
    }
    const c = scanner.peek();
    if (c === code.hash) break;
    if (c === code.open) {
      const name =
        words.length === 1 && assignments.length === 0 && redirects.length === 0 ? words[0] : undefined;
      if (name !== undefined) return readFunctionBody(scanner, functionName(scanner, name), false);
      scanner.fail('a ( cannot stand here; quote it if it is meant as text');
    }
    const assignment = words.length === 0 ? readAssignment(scanner) : undefined;
    if (assignment !== undefined) {
      assignments.push(assignment);
      continue;
    }
    const word = readWord(scanner);
    if (word === undefined) break;
    words.push(word);
  }
  if (words.length > 0 && assignments.some(({ array }) => array !== undefined)) {
    scanner.fail(
      'an array cannot be set for one command only; put the assignment in a line of its own',
      began,
    );
  }
  if (assignments.length === 0 && words.length === 0) {
    if (redirects.length === 0) scanner.fail('a command must stand here');
    return undefined;
  }
  return { kind: 'simple', assignments, words };
}

/** Reads `export`, `local` and their like. */
export function readDeclaration(scanner: Scanner, keyword: string, redirects: Redirect[]): Declaration {
  scanner.takeKeyword();
  const found: (Assignment | Word)[] = [];
  for (;;) {
    scanner.skipBlanks();
    const redirect = readRedirect(scanner);
    if (redirect !== undefined) {
      redirects.push(redirect);
      continue;
    }
    const c = scanner.peek();
    if (c === code.hash) break;
    if (c === code.open) scanner.fail('a ( cannot stand here; quote it if it is meant as text');
    const { at } = scanner;
    const argument = readAssignment(scanner) ?? readWord(scanner);
    if (argument === undefined) break;
    if (redirects.length > 0)
      scanner.fail(`redirections must stand behind all that follows "${keyword}"`, at);
    found.push(argument);
  }
  return { kind: 'declaration', keyword, arguments: found };
}

/** Reads `name=value`, `name+=value`, `name[index]=value` or `name=(…)`; `undefined` where no such thing begins. */
function readAssignment(scanner: Scanner): Assignment | undefined {
  const { text, at, line } = scanner;
  const end = nameEnd(text, at);
  if (end === at) return undefined;
  const c = text.charCodeAt(end);
  const isAppended = c === code.plus && text.charCodeAt(end + 1) === code.equals;
  if (c !== code.equals && c !== code.openBracket && !isAppended) return undefined;
  const name = text.slice(at, end);
  scanner.at = end;
  const index = c === code.openBracket ? readIndex(scanner) : undefined;
  const appends = scanner.peek() === code.plus && scanner.peekAt(1) === code.equals;
  if (appends) scanner.at++;
  if (scanner.peek() !== code.equals) scanner.fail(`= must follow ${text.slice(at, scanner.at)}`, at);
  scanner.at++;
  if (index !== undefined && scanner.peek() === code.open) {
    scanner.fail('an element of an array cannot be an array', scanner.at);
  }
  const array = scanner.peek() === code.open ? readArray(scanner) : undefined;
  const value = array === undefined ? readWord(scanner) : undefined;
  return { kind: 'assignment', line, name, index, appends, value, array };
}

function readIndex(scanner: Scanner): Arithmetic {
  const { at } = scanner;
  scanner.at++;
  const index = readArithmetic(scanner, 'bracket', at, '[');
  if (scanner.peek() !== code.closeBracket) scanner.fail('the [ that is opened here is never closed', at);
  scanner.at++;
  return index;
}

function readArray(scanner: Scanner): NonNullable<Assignment['array']> {
  const { at } = scanner;
  const elements: ArrayElement[] = [];
  scanner.at++;
  for (;;) {
    scanner.skipLines();
    const { line } = scanner;
    if (scanner.peek() === code.close) break;
    if (scanner.atEnd()) scanner.fail('the ( that is opened here is never closed', at);
    const index = scanner.peek() === code.openBracket && isIndexed(scanner) ? readIndex(scanner) : undefined;
    if (index !== undefined) scanner.at++;
    const value = readWord(scanner);
    if (index === undefined && value === undefined) {
      scanner.fail('only words can stand in an array; quote this character if it is meant as text');
    }
    elements.push({ line, index, value });
  }
  scanner.at++;
  return { elements, endLine: scanner.line };
}

/** Looking further for the end of an index would take time without bound in a text of brackets. */
const longestIndex = 512;

/** Whether the bracket that opens here is closed before the line or the word ends, with a `=` behind it. */
function isIndexed(scanner: Scanner): boolean {
  const { text } = scanner;
  let open = 0;
  const end = Math.min(text.length, scanner.at + longestIndex);
  for (let at = scanner.at; at < end; at++) {
    const c = text.charCodeAt(at);
    if (c === code.newline) return false;
    if (c === code.backslash) at++;
    else if (c === code.openBracket) open++;
    else if (c === code.closeBracket && --open === 0) return text.charCodeAt(at + 1) === code.equals;
  }
  return false;
}

/** Reads `function name …`. */
export function readFunction(scanner: Scanner): Command {
  const { at } = scanner;
  scanner.takeKeyword();
  scanner.skipBlanks();
  const word = readWord(scanner);
  if (word === undefined) scanner.fail('a name must follow "function"', at);
  const name = functionName(scanner, word);
  scanner.skipBlanks();
  if (scanner.peek() === code.open && parenthesesFollow(scanner))
    return readFunctionBody(scanner, name, true);
  return readBody(scanner, name, true, false, word.offset);
}

function functionName(scanner: Scanner, word: Word): string {
  const [part] = word.parts;
  if (word.parts.length !== 1 || part?.kind !== 'text' || /['$"`]/.test(part.text)) {
    scanner.fail('the name of a function must be plain text', word.offset);
  }
  return part.text;
}

function parenthesesFollow(scanner: Scanner): boolean {
  let at = scanner.at + 1;
  for (let c = scanner.text.charCodeAt(at); c === code.space || c === code.tab;)
    c = scanner.text.charCodeAt(++at);
  return scanner.text.charCodeAt(at) === code.close;
}

function readFunctionBody(scanner: Scanner, name: string, keyword: boolean): Command {
  const { at } = scanner;
  scanner.at++;
  scanner.skipBlanks();
  if (scanner.peek() !== code.close)
    scanner.fail(`the ( after "${name}" must be followed by ), as in a function`, at);
  scanner.at++;
  return readBody(scanner, name, keyword, true, at);
}

function readBody(
  scanner: Scanner,
  name: string,
  keyword: boolean,
  parentheses: boolean,
  at: number,
): Command {
  scanner.skipLines();
  requireCommand(scanner, `the body of the function "${name}" is missing`, at);
  return { kind: 'function', keyword, parentheses, name, body: readElement(scanner) };
}
