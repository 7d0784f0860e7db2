import { readHeredocs } from './read-word.ts';
import { printQuoted } from './print-word.ts';
import { Printer } from './printer.ts';
import { printStatements } from './print-statements.ts';
import { readScript } from './read-statements.ts';
import { Scanner, ShellProblem } from './scanner.ts';
import type { Statement } from './syntax-tree.ts';

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
    return { text: printScript(text, readScript(new Scanner(text, 1, 0, readHeredocs))) };
  } catch (cause) {
    if (!(cause instanceof ShellProblem)) throw cause;
    return {
      problem: cause.message,
      offset: text === script ? cause.offset : original(script, cause.offset),
    };
  }
}

/** Statements that are written as they are printed, one below the other, are taken over together. */
function printScript(text: string, statements: readonly Statement[]): string {
  const out: string[] = [];
  let from = 0;
  let to = text.startsWith('#!') ? text.indexOf('\n') + 1 : 0;
  for (const statement of statements) {
    const { command } = statement;
    if (command?.kind === 'printed' && isAlone(statement, command.endLine)) {
      const end = command.offset + command.text.length;
      if (command.offset !== to || to === from) {
        if (to > from) out.push(text.slice(from, to));
        from = command.offset;
      }
      if (text.charCodeAt(end) === 10) {
        to = end + 1;
        continue;
      }
      out.push(text.slice(from, end), '\n');
      from = to = 0;
      continue;
    }
    if (to > from) out.push(text.slice(from, to));
    from = to = 0;
    const printer = new Printer(printQuoted);
    printStatements(printer, [statement]);
    printer.flushHeredocs();
    out.push(printer.out, '\n');
  }
  if (to > from) out.push(text.slice(from, to));
  return out.length === 1 ? (out[0] ?? '') : out.join('');
}

/** Whether a statement is its command and nothing else. */
function isAlone(statement: Statement, commandEnd: number): boolean {
  const { negated, background, redirects, separatorLine } = statement;
  if (negated || background || redirects.length > 0) return false;
  return separatorLine === 0 || separatorLine === commandEnd;
}

/** Carriage returns at line ends and NUL characters are read over wherever they stand. */
const ignored = /\r(?=\n|$)|\0/g;

function withoutIgnored(script: string): string {
  return script.includes('\r') || script.includes('\0') ? script.replace(ignored, '') : script;
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
