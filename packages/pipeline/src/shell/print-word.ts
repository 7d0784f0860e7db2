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
  for (const [i, part] of parts.entries()) printPart(printer, part, parts[i - 1]);
}

/** Prints parts inside quotes or a here-document, where line ends are text. */
export function printQuoted(printer: Printer, parts: readonly WordPart[]): void {
  for (const [i, part] of parts.entries()) {
    printer.reach(part.line);
    printPart(printer, part, parts[i - 1]);
  }
}

function printPart(printer: Printer, part: WordPart, before: WordPart | undefined): void {
  switch (part.kind) {
    case 'text':
      printer.out += part.text;
      break;
    case 'quoted':
      printer.out += part.open;
      for (const [at, inner] of part.parts.entries()) {
        printer.escapeLines(inner.line);
        printPart(printer, inner, part.parts[at - 1]);
      }
      printer.escapeLines(part.endLine);
      printer.out += '"';
      break;
    case 'command':
      // $`a` is a dollar and what a prints; $$(a) would be the number of the shell and a subshell.
      if (part.open === '$(' && before?.kind === 'text' && endsInDollar(before.text)) {
        printer.out = `${printer.out.slice(0, -1)}\\$`;
      }
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

/** Tells whether the last character is a dollar that stands for itself: not escaped, and not the second of `$$`. */
function endsInDollar(text: string): boolean {
  const dollars = /\$*$/.exec(text.replaceAll(/\\[^]/g, '\\')) ?? [''];
  return dollars[0].length % 2 === 1;
}

function printSubstitution(printer: Printer, part: Extract<WordPart, { kind: 'command' }>): void {
  printer.reach(part.line);
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
