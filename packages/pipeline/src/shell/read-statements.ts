import { code } from './characters.ts';
import { closers, compoundStarts, declarations, reserved } from './keywords.ts';
import { readCompound } from './read-compound.ts';
import { readRedirect } from './read-redirect.ts';
import { readDeclaration, readFunction, readSimple } from './read-simple.ts';
import { unclosed } from './read-word.ts';
import type { Scanner } from './scanner.ts';
import { skipPrinted } from './skip-printed.ts';
import type { Chain, Command, Redirect, Statement } from './syntax-tree.ts';

/** Reads a whole text. */
export function readScript(scanner: Scanner): readonly Statement[] {
  const statements = readStatements(scanner);
  if (scanner.peek() === code.close) scanner.fail('this ) closes nothing: no ( is open');
  for (const heredoc of scanner.due) scanner.fail(unclosed(heredoc.delimiter), heredoc.offset);
  return statements;
}

/**
 * Reads statements up to what ends them: the end of the text, `)`, `;;` or one of the words in `ends`.
 *
 * It does not go over what ends them. A word that ends other things than these is a problem.
 */
export function readStatements(scanner: Scanner, ends: readonly string[] = []): readonly Statement[] {
  const statements: Statement[] = [];
  scanner.enter();
  for (let separated = true; ;) {
    scanner.skipBlanks();
    const c = scanner.peek();
    if (c === code.newline || c === code.hash) {
      scanner.skipLines();
      separated = true;
      continue;
    }
    if (scanner.atEnd() || c === code.close) break;
    if (c === code.semicolon) {
      const next = scanner.peekAt(1);
      if ((next === code.semicolon || next === code.ampersand) && ends.includes(';;')) break;
      const shown = next === code.semicolon ? ';;' : ';';
      scanner.fail(shown === ';;' ? '";;" belongs inside a "case"' : 'there is no command before this ;');
    }
    const keyword = scanner.keyword();
    if (keyword !== undefined) {
      if (ends.includes(keyword)) break;
      const use = closers.get(keyword);
      if (use !== undefined) {
        const wanted = missing(ends);
        scanner.fail(
          wanted === ''
            ? `${use}, and there is none open here`
            : `"${keyword}" comes too early: ${wanted} must stand before it`,
        );
      }
    }
    if (!separated) scanner.fail('a ; or a new line is missing between two commands');
    const statement =
      (keyword === undefined || !reserved.has(keyword) ? readLine(scanner) : undefined) ??
      readTerminated(scanner);
    statements.push(statement);
    separated = statement.separatorLine > 0;
  }
  scanner.leave();
  return statements;
}

/** The words that must come before anything else can be closed. */
function missing(ends: readonly string[]): string {
  return ends
    .filter((end) => end !== ';;' && end !== 'elif' && end !== 'else')
    .map((end) => `"${end}"`)
    .join(' or ');
}

const noRedirects: readonly Redirect[] = [];

/** Reads a command that is written as it is printed and fills its line: what most lines are. */
function readLine(scanner: Scanner): Statement | undefined {
  const { at, line } = scanner;
  const command = readPrinted(scanner);
  if (command === undefined) return undefined;
  if (scanner.peek() !== code.newline && !scanner.atEnd()) {
    scanner.at = at;
    scanner.line = line;
    return undefined;
  }
  return {
    line,
    endLine: scanner.line,
    negated: false,
    commandLine: line,
    command,
    redirects: noRedirects,
    background: false,
    separatorLine: 0,
  };
}

function readTerminated(scanner: Scanner): Statement {
  const statement = readList(scanner);
  scanner.skipBlanks();
  const c = scanner.peek();
  const next = scanner.peekAt(1);
  if (c === code.semicolon && next !== code.semicolon && next !== code.ampersand) {
    scanner.at++;
    return { ...statement, separatorLine: scanner.line, endLine: scanner.line };
  }
  if (c === code.ampersand) {
    scanner.at++;
    return { ...statement, background: true, separatorLine: scanner.line, endLine: scanner.line };
  }
  return statement;
}

function readList(scanner: Scanner): Statement {
  const first = readPipeline(scanner);
  const rest: { operator: string; line: number; statement: Statement }[] = [];
  for (;;) {
    scanner.skipBlanks();
    const c = scanner.peek();
    if ((c !== code.ampersand && c !== code.pipe) || scanner.peekAt(1) !== c) break;
    const { line, at } = scanner;
    const operator = c === code.pipe ? '||' : '&&';
    scanner.at += 2;
    scanner.skipLines();
    requireCommand(scanner, `a command must follow ${operator}`, at);
    rest.push({ operator, line, statement: readPipeline(scanner) });
  }
  return rest.length === 0 ? first : chained({ kind: 'list', first, rest }, false, scanner);
}

/** Reads a pipeline; a `!` before it is about all of it. */
export function readPipeline(scanner: Scanner): Statement {
  const { line, at } = scanner;
  let negated = false;
  while (scanner.peek() === code.bang && scanner.keyword() === '!') {
    if (negated) scanner.fail('one ! is enough to negate a command', at);
    negated = true;
    scanner.takeKeyword();
    scanner.skipBlanks();
  }
  if (negated) requireCommand(scanner, 'a command must follow !', at);
  const first = readElement(scanner);
  const rest: { operator: string; line: number; statement: Statement }[] = [];
  for (;;) {
    scanner.skipBlanks();
    if (scanner.peek() !== code.pipe || scanner.peekAt(1) === code.pipe) break;
    const { line: operatorLine, at: operatorAt } = scanner;
    const operator = scanner.peekAt(1) === code.ampersand ? '|&' : '|';
    scanner.at += operator.length;
    scanner.skipLines();
    requireCommand(scanner, `a command must follow ${operator}`, operatorAt);
    if (scanner.keyword() === '!') scanner.fail('! can only stand before a whole pipeline');
    rest.push({ operator, line: operatorLine, statement: readElement(scanner) });
  }
  if (rest.length > 0) return { ...chained({ kind: 'pipeline', first, rest }, negated, scanner), line };
  return negated ? { ...first, negated, line } : first;
}

function chained(command: Chain, negated: boolean, scanner: Scanner): Statement {
  const { line } = command.first;
  return {
    line,
    endLine: scanner.endLine(),
    negated,
    commandLine: line,
    command,
    redirects: [],
    background: false,
    separatorLine: 0,
  };
}

/** Fails with `problem` where no command begins. */
export function requireCommand(scanner: Scanner, problem: string, at: number): void {
  const c = scanner.peek();
  const redirects = c === code.ampersand && scanner.peekAt(1) === code.greater;
  const ends =
    scanner.atEnd() ||
    c === code.close ||
    c === code.semicolon ||
    c === code.newline ||
    c === code.pipe ||
    (c === code.ampersand && !redirects);
  if (ends) scanner.fail(problem, at);
  const keyword = scanner.keyword();
  if (keyword !== undefined && closers.has(keyword)) scanner.fail(problem, at);
}

/** Reads one command with its redirections. */
export function readElement(scanner: Scanner): Statement {
  const { line } = scanner;
  const redirects: Redirect[] = [];
  scanner.enter();
  const command = readCommand(scanner, redirects);
  scanner.leave();
  return {
    line,
    endLine: scanner.endLine(),
    negated: false,
    commandLine: line,
    command,
    redirects,
    background: false,
    separatorLine: 0,
  };
}

function readCommand(scanner: Scanner, redirects: Redirect[]): Command | undefined {
  const c = scanner.peek();
  if (c === code.ampersand || c === code.pipe) {
    const next = scanner.peekAt(1);
    if (c === code.pipe || next !== code.greater) {
      const shown =
        next === c ? scanner.text.slice(scanner.at, scanner.at + 2) : scanner.text.charAt(scanner.at);
      scanner.fail(`there is no command before this ${shown}`);
    }
  }
  const keyword = c === code.open ? '(' : scanner.keyword();
  if (keyword !== undefined) {
    if (compoundStarts.has(keyword)) {
      const command = readCompound(scanner, keyword);
      if (command.kind !== 'time' && command.kind !== 'coproc' && command.kind !== 'function') {
        readRedirects(scanner, redirects);
      }
      return command;
    }
    if (declarations.has(keyword))
      return readPrinted(scanner) ?? readDeclaration(scanner, keyword, redirects);
    if (keyword === 'function') return readFunction(scanner);
    if (keyword === ']]') scanner.fail(']] closes a [[, and there is none open here');
  }
  return readPrinted(scanner) ?? readSimple(scanner, redirects);
}

function readPrinted(scanner: Scanner): Command | undefined {
  const { text, at, line } = scanner;
  if (!skipPrinted(scanner)) return undefined;
  return { kind: 'printed', text: text.slice(at, scanner.at), offset: at, line, endLine: scanner.line };
}

function readRedirects(scanner: Scanner, redirects: Redirect[]): void {
  for (;;) {
    scanner.skipBlanks();
    const redirect = readRedirect(scanner);
    if (redirect === undefined) return;
    redirects.push(redirect);
  }
}
