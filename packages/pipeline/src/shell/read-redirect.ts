import { characterClass, code, isClass, nameEnd } from './characters.ts';
import { readWord } from './read-word.ts';
import type { Scanner } from './scanner.ts';
import type { Heredoc, Redirect, Word } from './syntax-tree.ts';

/** From the longest to the shortest, so that the first that fits is the operator. */
const operators = ['&>>', '<<<', '<<-', '<<', '<&', '<>', '<', '>>', '>&', '>|', '>', '&>'];

/** Reads the redirection that begins here; `undefined` where none does. */
export function readRedirect(scanner: Scanner): Redirect | undefined {
  const { text, at: offset, line } = scanner;
  const at = descriptorEnd(text, offset);
  const c = text.charCodeAt(at);
  const isOperator =
    c === code.ampersand
      ? at === offset && text.charCodeAt(at + 1) === code.greater
      : (c === code.less || c === code.greater) && text.charCodeAt(at + 1) !== code.open;
  if (!isOperator) return undefined;
  const operator = operators.find((candidate) => text.startsWith(candidate, at)) ?? '';
  scanner.at = at + operator.length;
  scanner.skipBlanks();
  const target = scanner.peek() === code.hash ? undefined : readWord(scanner);
  if (target === undefined) scanner.fail(`a word must follow ${operator}`, at);
  const heredoc = operator === '<<' || operator === '<<-' ? expect(scanner, operator, target, at) : undefined;
  return { line, offset, descriptor: text.slice(offset, at), operator, target, heredoc };
}

/** The end of a number or a `{name}`; what follows decides whether it is the descriptor of a redirection. */
function descriptorEnd(text: string, offset: number): number {
  let at = offset;
  if (text.charCodeAt(at) === code.openBrace) {
    const end = nameEnd(text, at + 1);
    return end > at + 1 && text.charCodeAt(end) === code.closeBrace ? end + 1 : offset;
  }
  while (isClass(text.charCodeAt(at), characterClass.digit)) at++;
  return at;
}

function expect(scanner: Scanner, operator: string, target: Word, offset: number): Heredoc {
  const { delimiter, literal } = unquoted(scanner, target);
  const heredoc: Heredoc = {
    offset,
    delimiter,
    stripsTabs: operator === '<<-',
    literal,
    parts: [],
    line: 0,
    endLine: 0,
  };
  scanner.due.push(heredoc);
  return heredoc;
}

/** The text of a delimiter without its quotes. */
function unquoted(scanner: Scanner, word: Word): { readonly delimiter: string; readonly literal: boolean } {
  let literal = false;
  let delimiter = '';
  for (const part of word.parts.flatMap((one) => (one.kind === 'quoted' ? one.parts : [one]))) {
    if (part.kind !== 'text' || isExpansion(part.text)) {
      scanner.fail('what ends a here-document must be plain text, without expansions', word.offset);
    }
  }
  for (const part of word.parts) {
    if (part.kind === 'quoted') {
      literal = true;
      delimiter += part.parts.map((inner) => (inner.kind === 'text' ? inner.text : '')).join('');
    } else if (part.kind === 'text') {
      const { text } = part;
      if (text.startsWith("'")) {
        literal = true;
        delimiter += text.slice(1, -1);
      } else if (text.includes('\\')) {
        literal = true;
        delimiter += text.replaceAll(/\\(.)/gs, '$1');
      } else delimiter += text;
    }
  }
  return { delimiter, literal };
}

function isExpansion(text: string): boolean {
  return text.startsWith('$') && text.length > 1 && text.charCodeAt(1) !== code.singleQuote;
}
