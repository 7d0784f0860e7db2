import { printArithmetic } from './print-arithmetic.ts';
import { printNested, startsWithParenthesis } from './print-statements.ts';
import type { Printer } from './printer.ts';
import type { Word, WordPart } from './syntax-tree.ts';

/** Prints a word; it may begin a continued line, but is not broken itself. */
export function printWord(printer: Printer, word: Word): void {
  const first = word.parts[0];
  if (first !== undefined && first.line > printer.line) printer.continueLine();
  printParts(printer, word.parts);
  printer.needsSpace = true;
}

/** Prints words with spaces between, each in the line it was in. */
export function printWords(printer: Printer, words: readonly Word[]): void {
  let broken = false;
  for (const word of words) {
    if (word.line > printer.line) {
      if (!broken) printer.indent();
      broken = true;
      printer.continueLine();
    }
    printer.pad();
    printWord(printer, word);
  }
  if (broken) printer.dedent();
}

function printParts(printer: Printer, parts: readonly WordPart[]): void {
  for (const part of parts) printPart(printer, part);
}

/** Prints parts inside quotes or a here-document, where line ends are text. */
export function printQuoted(printer: Printer, parts: readonly WordPart[]): void {
  for (const part of parts) {
    printer.reach(part.line);
    printPart(printer, part);
  }
}

function printPart(printer: Printer, part: WordPart): void {
  switch (part.kind) {
    case 'text':
      printer.out += part.text;
      break;
    case 'quoted':
      printer.out += part.open;
      printer.reach(part.line);
      printQuoted(printer, part.parts);
      printer.out += '"';
      break;
    case 'command':
      printSubstitution(printer, part);
      break;
    case 'arithmetic':
      printer.out += '$((';
      printArithmetic(printer, part.expression, 'wide');
      printer.out += '))';
      break;
    case 'element':
      printer.out += `${part.name}[`;
      printArithmetic(printer, part.index, 'wide');
      printer.out += ']';
      break;
    case 'parameter':
      printParameter(printer, part);
      break;
  }
  printer.reach(part.endLine);
}

function printSubstitution(printer: Printer, part: Extract<WordPart, { kind: 'command' }>): void {
  if (part.open !== '$(') printer.pad();
  printer.out += part.open;
  printer.needsSpace = part.open === '$(' && startsWithParenthesis(part.body);
  printNested(printer, part.body, part.endLine);
  printer.closeParenthesis(part.endLine);
}

function printParameter(printer: Printer, part: Extract<WordPart, { kind: 'parameter' }>): void {
  for (const piece of part.pieces) {
    switch (piece.kind) {
      case 'plain':
        printer.out += piece.text;
        break;
      case 'index':
        printArithmetic(printer, piece.expression, 'wide');
        break;
      case 'slice':
        printArithmetic(printer, piece.expression, piece.first ? 'signSpaced' : 'narrow');
        break;
      case 'word':
        printQuoted(printer, piece.parts);
        break;
    }
  }
}
