import { printWord } from './print-word.ts';
import type { Printer } from './printer.ts';
import type { TestExpression } from './syntax-tree.ts';

/** Prints an expression of `[[ … ]]`, where lines need not be continued. */
export function printTest(printer: Printer, expression: TestExpression): void {
  if (expression.line > printer.line) printer.lineBefore(expression.line);
  else printer.pad();
  switch (expression.kind) {
    case 'word':
      printWord(printer, expression);
      break;
    case 'testUnary':
      printer.token(expression.operator);
      printTest(printer, expression.operand);
      break;
    case 'testBinary':
      printTest(printer, expression.left);
      printer.token(expression.operator);
      printTest(printer, expression.right);
      break;
    case 'testGroup':
      printer.out += '(';
      printer.needsSpace = false;
      printTest(printer, expression.inner);
      printer.out += ')';
      break;
  }
  printer.needsSpace = true;
}
