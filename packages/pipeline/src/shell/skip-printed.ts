import { characterClass, code, isClass, nameEnd } from './characters.ts';
import { continuedCommentEnd, type Scanner } from './scanner.ts';

/**
 * Goes over a simple command that is written as it would be printed, and tells whether there is one.
 *
 * Most commands are: words with one space between, in which nothing has to be printed anew. They need no tree. Whatever
 * is not that simple, redirections and substitutions for a start, is left where it was for the reader of commands.
 */
export function skipPrinted(scanner: Scanner): boolean {
  const { text } = scanner;
  const start = scanner.at;
  let lines = 0;
  let wordAt = start;
  let at = start;
  for (;;) {
    const c = text.charCodeAt(at);
    if (isClass(c, characterClass.breaks)) {
      if (c !== code.space) {
        if (!endsCommand(text, at)) return false;
        break;
      }
      if (endsCommand(text, at + 1)) break;
      const next = text.charCodeAt(at + 1);
      if (isClass(next, characterClass.breaks)) return false;
      if (next === code.hash) {
        if (continuedCommentEnd(text, at + 1) >= 0) return false;
        break;
      }
      at++;
      wordAt = at;
    } else if (isClass(c, characterClass.special)) {
      const end = skipSpecial(text, at, c);
      if (end < 0) return false;
      if (c === code.singleQuote || c === code.doubleQuote) lines += countLines(text, at, end);
      at = end;
    } else if (at >= text.length) break;
    else if (c === code.openBracket && at > wordAt) return false;
    else at++;
  }
  if (at === start) return false;
  scanner.at = at;
  scanner.line += lines;
  return true;
}

/** Whether what ends a command stands at `at`. */
function endsCommand(text: string, at: number): boolean {
  const c = text.charCodeAt(at);
  if (c === code.newline || c === code.semicolon || c === code.pipe || c === code.close) return true;
  return at >= text.length || (c === code.ampersand && text.charCodeAt(at + 1) !== code.greater);
}

/** The end of a quote, an escape or a plain expansion; negative for what may be printed in another way. */
function skipSpecial(text: string, at: number, c: number): number {
  switch (c) {
    case code.singleQuote:
      return text.indexOf("'", at + 1) + 1 || -1;
    case code.doubleQuote:
      return skipQuoted(text, at + 1);
    case code.backslash:
      return at + 2 <= text.length && text.charCodeAt(at + 1) !== code.newline ? at + 2 : -1;
    case code.dollar:
      return skipExpansion(text, at);
    default:
      return -1;
  }
}

function skipQuoted(text: string, from: number): number {
  for (let at = from; at < text.length;) {
    const c = text.charCodeAt(at);
    if (c === code.doubleQuote) return at + 1;
    if (c === code.backquote) return -1;
    if (c === code.backslash) {
      if (text.charCodeAt(at + 1) === code.newline) return -1;
      at += 2;
    } else if (c === code.dollar) {
      const next = text.charCodeAt(at + 1);
      // A quote behind a dollar ends the quotes here.
      if (next === code.doubleQuote || next === code.singleQuote) at++;
      else if ((at = skipExpansion(text, at)) < 0) return -1;
    } else at++;
  }
  return -1;
}

/** The end of `$a`, `$1` or `${a}`, or of a dollar that stands for itself before a blank. */
function skipExpansion(text: string, at: number): number {
  const next = text.charCodeAt(at + 1);
  if (isClass(next, characterClass.nameStart)) return nameEnd(text, at + 1);
  if (next === code.openBrace) {
    const end = nameEnd(text, at + 2);
    return end > at + 2 && text.charCodeAt(end) === code.closeBrace ? end + 1 : -1;
  }
  if (isClass(next, characterClass.parameter)) return at + 2;
  return next === code.space || next === code.newline ? at + 1 : -1;
}

function countLines(text: string, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) if (text.charCodeAt(i) === code.newline) count++;
  return count;
}
