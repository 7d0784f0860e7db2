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
      printer.reach(expression.operand.line);
      printTest(printer, expression.operand);
      break;
    case 'testBinary': {
      // Lists of `&&` and `||` lean to the left, and may be long.
      const rest = [expression];
      let { left } = expression;
      for (; left.kind === 'testBinary'; left = left.left) rest.push(left);
      printTest(printer, left);
      for (const { operator, right } of rest.toReversed()) {
        printer.token(operator);
        // Only && and || may end a line.
        if (operator !== '&&' && operator !== '||') printer.reach(right.line);
        printTest(printer, right);
      }
      break;
    }
    case 'testGroup':
      printer.out += '(';
      printer.needsSpace = false;
      printTest(printer, expression.inner);
      printer.out += ')';
      break;
  }
  printer.needsSpace = true;
}
