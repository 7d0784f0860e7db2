import { readHeredocs } from './read-word.ts';
import { printQuoted } from './print-word.ts';
import { Printer } from './printer.ts';
import { printStatements } from './print-statements.ts';
import { readScript } from './read-statements.ts';
import { Scanner, ShellProblem } from './scanner.ts';

/**
 * Prints a bash script in one style, without comments, or tells what is wrong with it at which offset.
 *
 * Top-level statements get a line each; a first line `#!…` stays. Here-documents keep their bodies.
 *
 * @see reference behaviour of `melange compile`, which prints every `runs` with the default style of mvdan/sh 3.13.1;
 * differences: docs/compat/compile.md
 */
export function normaliseScript(
  script: string,
): { readonly text: string } | { readonly problem: string; readonly offset: number } {
  const text = withoutIgnored(script);
  try {
    const statements = readScript(new Scanner(text, 1, 0, readHeredocs));
    let out = '';
    if (text.startsWith('#!')) out = text.slice(0, text.indexOf('\n') + 1);
    for (const statement of statements) {
      const printer = new Printer(printQuoted);
      printStatements(printer, [statement]);
      printer.flushHeredocs();
      out += `${printer.out}\n`;
    }
    return { text: out };
  } catch (cause) {
    if (!(cause instanceof ShellProblem)) throw cause;
    return {
      problem: cause.message,
      offset: text === script ? cause.offset : original(script, cause.offset),
    };
  }
}

/** Carriage returns at line ends and NUL characters are read over wherever they stand. */
const ignored = /\r(?=\n)|\0/g;

function withoutIgnored(script: string): string {
  return script.includes('\r\n') || script.includes('\0') ? script.replace(ignored, '') : script;
}

/** The offset in the script as it was given of one in the text without what is ignored. */
function original(script: string, offset: number): number {
  let result = offset;
  for (const { index } of script.matchAll(ignored)) {
    if (index > result) break;
    result++;
  }
  return result;
}
