import { nameEnd } from './characters.ts';
import { printArithmetic } from './print-arithmetic.ts';
import { printCompound } from './print-compound.ts';
import { printWord, printWords } from './print-word.ts';
import type { Printer } from './printer.ts';
import type {
  Assignment,
  Chain,
  Command,
  Declaration,
  Redirect,
  SimpleCommand,
  Statement,
  Word,
} from './syntax-tree.ts';

/** Prints statements, each in a line of its own unless there is one that had none. */
export function printStatements(printer: Printer, statements: readonly Statement[]): void {
  const [first] = statements;
  const apart = printer.needsLine || (first !== undefined && first.line > printer.line);
  for (const statement of statements) {
    printer.lineBefore(statement.line);
    printer.reach(statement.line);
    printStatement(printer, statement);
    printer.needsLine = true;
  }
  if (statements.length === 1 && !apart) printer.needsLine = false;
}

/** Prints the statements of a compound command that is closed in `closingLine`; 0 if something else follows them. */
export function printNested(printer: Printer, statements: readonly Statement[], closingLine: number): void {
  printer.indent();
  const last = statements.at(-1);
  if (statements.length > 1) printer.needsLine = true;
  else if (last !== undefined && closingLine > printer.line && last.endLine < closingLine)
    printer.needsLine = true;
  printStatements(printer, statements);
  printer.dedent();
}

export function printStatement(printer: Printer, statement: Statement): void {
  const { command, redirects } = statement;
  printer.separated = false;
  if (statement.negated) {
    printer.token('!');
    // What follows does not continue in a line of its own.
    printer.reach(statement.commandLine);
  }
  const done = command === undefined ? 0 : printCommand(printer, command, redirects);
  printer.indent();
  for (let i = done; i < redirects.length; i++) {
    const redirect = redirects[i];
    if (redirect === undefined) break;
    if (redirect.line > printer.line) printer.continueLine();
    printRedirect(printer, redirect);
  }
  const apart = statement.separatorLine > printer.line;
  if (apart || statement.background) {
    if (apart) printer.continueLine();
    else printer.space();
    printer.out += statement.background ? '&' : ';';
    printer.separated = true;
    printer.needsSpace = true;
  }
  printer.dedent();
}

function printRedirect(printer: Printer, redirect: Redirect): void {
  printer.pad();
  printer.out += redirect.descriptor + redirect.operator;
  printer.needsSpace = true;
  printWord(printer, redirect.target);
  if (redirect.heredoc !== undefined) printer.expect(redirect, redirect.heredoc);
}

/** Prints a command and tells how many of the redirections it printed. */
function printCommand(printer: Printer, command: Command, redirects: readonly Redirect[]): number {
  switch (command.kind) {
    case 'printed':
      printer.reach(command.line);
      printer.token(command.text);
      printer.reach(command.endLine);
      return 0;
    case 'simple':
      return printSimple(printer, command, redirects);
    case 'declaration':
      printDeclaration(printer, command);
      return 0;
    case 'pipeline':
    case 'list':
      printChain(printer, command);
      return 0;
    default:
      printCompound(printer, command);
      return 0;
  }
}

/** Redirections before the second word stay there; the others move behind the words. */
function printSimple(printer: Printer, command: SimpleCommand, redirects: readonly Redirect[]): number {
  const { words } = command;
  const [first, second] = words;
  // What stands before a command, redirections or `!`, does not continue in its line.
  printer.reach(command.assignments[0]?.line ?? first?.line ?? 0);
  printAssignments(printer, command.assignments);
  if (first === undefined) return 0;
  let done = 0;
  const printBefore = (offset: number): void => {
    for (; done < redirects.length; done++) {
      const redirect = redirects[done];
      if (redirect === undefined || redirect.offset > offset || redirect.heredoc !== undefined) return;
      printRedirect(printer, redirect);
    }
  };
  printBefore(first.offset);
  printWords(printer, [first]);
  if (second === undefined) return done;
  printBefore(second.offset);
  printWords(printer, words.slice(1));
  return done;
}

function printDeclaration(printer: Printer, command: Declaration): void {
  printer.token(command.keyword);
  printAssignments(printer, command.arguments);
}

function printAssignments(printer: Printer, assignments: readonly (Assignment | Word)[]): void {
  printer.indent();
  for (const assignment of assignments) {
    if (printer.startsLine(assignment.line)) printer.continueLine();
    else printer.pad();
    const bare = assignment.kind === 'word' ? bareName(assignment) : undefined;
    // A name without a value does not tell in which line printing is.
    if (bare !== undefined) printer.out += bare;
    else if (assignment.kind === 'word') {
      printer.reach(assignment.line);
      printWord(printer, assignment);
    } else printAssignment(printer, assignment);
    printer.needsSpace = true;
  }
  printer.dedent();
}

function bareName({ parts: [part, ...others] }: Word): string | undefined {
  const isName = part?.kind === 'text' && others.length === 0 && nameEnd(part.text, 0) === part.text.length;
  return isName ? part.text : undefined;
}

function printAssignment(printer: Printer, { name, index, appends, value, array }: Assignment): void {
  printer.out += name;
  if (index !== undefined) {
    printer.out += '[';
    printArithmetic(printer, index, 'wide');
    printer.out += ']';
  }
  printer.out += appends ? '+=' : '=';
  if (value !== undefined) {
    // A line that began here would be another word.
    printer.reach(value.line);
    printWord(printer, value);
  } else if (array !== undefined) {
    printer.needsSpace = false;
    printer.out += '(';
    printElements(printer, array.elements);
    printer.closeParenthesis(array.endLine);
  }
}

function printElements(printer: Printer, elements: NonNullable<Assignment['array']>['elements']): void {
  printer.indent();
  for (const { line, index, value } of elements) {
    if (line > printer.line) printer.lineBefore(line);
    else printer.pad();
    if (index !== undefined) {
      printer.out += '[';
      printArithmetic(printer, index, 'wide');
      printer.out += ']=';
    }
    if (value !== undefined) printWord(printer, value);
    printer.needsSpace = true;
  }
  printer.dedent();
}

function printChain(printer: Printer, { first, rest }: Chain): void {
  printStatement(printer, first);
  for (const { operator, statement } of rest) {
    if (statement.line <= printer.line) {
      printer.token(operator);
      printStatement(printer, statement);
      continue;
    }
    const indents = !printer.inBrokenChain;
    if (indents) printer.indent();
    breakAfter(printer, operator, statement);
    printer.inBrokenChain = statement.command?.kind === 'pipeline';
    printStatement(printer, statement);
    if (indents) printer.dedent();
    printer.inBrokenChain = false;
  }
}

function breakAfter(printer: Printer, operator: string, statement: Statement): void {
  printer.token(operator);
  printer.breakLine(0);
  printer.reach(statement.line);
}

/** Whether what is printed first is a `(`, which must not touch another one. */
export function startsWithParenthesis(statements: readonly Statement[]): boolean {
  const [first] = statements;
  if (first === undefined || first.negated) return false;
  const { command } = first;
  if (command === undefined) return false;
  switch (command.kind) {
    case 'pipeline':
    case 'list':
      return startsWithParenthesis([command.first]);
    default:
      return command.kind === 'subshell' || command.kind === 'arithmetic';
  }
}
