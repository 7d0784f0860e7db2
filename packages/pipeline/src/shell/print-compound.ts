import { printArithmetic } from './print-arithmetic.ts';
import { printNested, printStatement, startsWithParenthesis } from './print-statements.ts';
import { printTest } from './print-test.ts';
import { printWord, printWords } from './print-word.ts';
import type { Printer } from './printer.ts';
import type {
  Case,
  CaseItem,
  Chain,
  Command,
  Declaration,
  If,
  LoopBody,
  Printed,
  SimpleCommand,
} from './syntax-tree.ts';

/** Prints a command that is no list of words. */
export function printCompound(
  printer: Printer,
  command: Exclude<Command, Printed | SimpleCommand | Declaration | Chain>,
): void {
  printer.pad();
  switch (command.kind) {
    case 'block':
      printer.out += '{';
      printer.needsSpace = true;
      printNested(printer, command.body, command.endLine);
      printer.closing('}', command.endLine);
      break;
    case 'subshell':
      printSubshell(printer, command);
      break;
    case 'if':
      printIf(printer, command);
      break;
    case 'while':
      printer.token(command.keyword);
      printNested(printer, command.condition, 0);
      printLoop(printer, command.loop);
      break;
    case 'for':
      printer.out += `${command.keyword} ${command.name}`;
      if (command.words !== undefined) {
        printer.out += ' in';
        printer.needsSpace = true;
        printWords(printer, command.words);
      }
      printer.separated = false;
      printLoop(printer, command.loop);
      break;
    case 'arithmeticFor': {
      const [first, condition, step] = command.header;
      printer.out += 'for ((';
      if (first === undefined) printer.out += ' ';
      else printArithmetic(printer, first, 'wide');
      printer.out += '; ';
      if (condition !== undefined) printArithmetic(printer, condition, 'wide');
      printer.out += '; ';
      if (step !== undefined) printArithmetic(printer, step, 'wide');
      printer.out += '))';
      printLoop(printer, command.loop);
      break;
    }
    case 'case':
      printCase(printer, command);
      break;
    case 'function': {
      const { keyword, parentheses, name, body } = command;
      printer.out += `${keyword ? 'function ' : ''}${name}${parentheses ? '()' : ''} `;
      printer.needsSpace = false;
      printer.reach(body.line);
      printStatement(printer, body);
      break;
    }
    case 'arithmetic':
      printer.out += '((';
      printArithmetic(printer, command.expression, 'wide');
      printer.out += '))';
      printer.needsSpace = true;
      break;
    case 'let':
      printer.token('let');
      for (const expression of command.expressions) {
        printer.space();
        printArithmetic(printer, expression, 'narrow');
      }
      break;
    case 'test':
      printer.out += '[[ ';
      printer.needsSpace = false;
      printer.indent();
      printTest(printer, command.expression);
      printer.dedent();
      printer.token(']]');
      break;
    case 'time':
      printer.token(command.posix ? 'time -p' : 'time');
      if (command.statement !== undefined) printStatement(printer, command.statement);
      break;
    case 'coproc':
      printer.token(command.name === undefined ? 'coproc' : `coproc ${command.name}`);
      printStatement(printer, command.statement);
      break;
  }
}

function printLoop(printer: Printer, { line, body, endLine }: LoopBody): void {
  printer.opening('do', line);
  printNested(printer, body, endLine);
  printer.closing('done', endLine);
}

function printSubshell(
  printer: Printer,
  { line, body, endLine }: Extract<Command, { kind: 'subshell' }>,
): void {
  printer.out += '(';
  // Two parentheses in a row would begin arithmetic.
  printer.needsSpace = startsWithParenthesis(body) && body.length === 1 && body[0]?.line === line;
  printer.pad();
  printNested(printer, body, endLine);
  printer.needsSpace = false;
  printer.closeParenthesis(endLine);
}

function printIf(printer: Printer, { branches, otherwise, endLine }: If): void {
  for (const [i, { line, condition, thenLine, body }] of branches.entries()) {
    if (i === 0) printer.token('if');
    else printer.closing('elif', line);
    printNested(printer, condition, 0);
    printer.opening('then', thenLine);
    printNested(printer, body, branches[i + 1]?.line ?? otherwise?.line ?? endLine);
  }
  if (otherwise !== undefined) {
    printer.closing('else', otherwise.line);
    printNested(printer, otherwise.body, endLine);
  }
  printer.closing('fi', endLine);
}

function printCase(printer: Printer, { word, inLine, items, endLine }: Case): void {
  printer.out += 'case ';
  printer.needsSpace = false;
  printWord(printer, word);
  printer.out += ' in';
  printer.reach(inLine);
  printer.needsSpace = true;
  if (items.length === 0) printer.mustBreak = true;
  for (const item of items) printItem(printer, item);
  printer.closing('esac', endLine);
}

function printItem(printer: Printer, { line, patterns, body, terminator, terminatorLine }: CaseItem): void {
  printer.lineBefore(line);
  printer.pad();
  let broken = false;
  for (const [i, pattern] of patterns.entries()) {
    if (i > 0) printer.token('|');
    if (pattern.line > printer.line) {
      if (!broken) printer.indent();
      broken = true;
      printer.continueLine();
    } else printer.pad();
    printWord(printer, pattern);
  }
  if (broken) printer.dedent();
  printer.out += ')';
  printer.needsSpace = true;
  const [first] = body;
  const last = body.at(-1);
  const apart =
    body.length > 1 ||
    (first !== undefined && first.line > printer.line) ||
    terminatorLine > (last?.endLine ?? printer.line);
  printNested(printer, body, terminatorLine);
  printer.shift(1);
  if (apart) {
    printer.lineBefore(terminatorLine);
    printer.needsLine = true;
  }
  printer.token(terminator);
  printer.reach(terminatorLine);
  printer.separated = true;
  printer.shift(-1);
}
