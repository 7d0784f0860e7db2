import { printWord } from './print-word.ts';
import type { Printer } from './printer.ts';
import type { Arithmetic } from './syntax-tree.ts';

/** `wide` has spaces around operators, `narrow` has none; `signSpaced` is narrow with a space before a sign at its start. */
export type ArithmeticStyle = 'wide' | 'narrow' | 'signSpaced';

/** Prints an arithmetic expression. */
export function printArithmetic(printer: Printer, expression: Arithmetic, style: ArithmeticStyle): void {
  switch (expression.kind) {
    case 'word':
      printWord(printer, expression);
      break;
    case 'group':
      printer.out += '(';
      printArithmetic(printer, expression.inner, style === 'wide' ? 'wide' : 'narrow');
      printer.out += ')';
      break;
    case 'unary': {
      const { operator, operand } = expression;
      if (expression.postfix) {
        printArithmetic(printer, operand, style);
        printer.out += operator;
        break;
      }
      const sign = operator === '+' || operator === '-';
      // `${a:-1}` is another thing, and `+ +a` is not `++a`.
      if (sign && (style === 'signSpaced' || printer.out.endsWith(operator))) printer.out += ' ';
      printer.out += operator;
      printArithmetic(printer, operand, style === 'wide' ? 'wide' : 'narrow');
      break;
    }
    case 'terms': {
      printArithmetic(printer, expression.first, style);
      const inner = style === 'wide' ? 'wide' : 'narrow';
      for (const { operator, operand } of expression.rest) {
        if (style !== 'wide') printer.out += operator;
        else printer.out += operator === ',' ? ', ' : ` ${operator} `;
        printArithmetic(printer, operand, inner);
      }
    }
  }
  printer.needsSpace = true;
}
