/** A piece of a template. `text` is as the template has it. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
}

export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'space'
  | 'string'
  | 'number'
  | 'character'
  | 'field'
  | 'variable'
  | 'word'
  | 'dot'
  | 'sign'
  | 'end';

/** A template that cannot be read: what is wrong, and where. */
export class TemplateProblem extends Error {
  readonly offset: number;
  constructor(problem: string, offset: number) {
    super(problem);
    this.name = 'TemplateProblem';
    this.offset = offset;
  }
}

const blank = /[ \t\r\n]/;

/**
 * Cuts a template into its pieces. Comments are gone, and `{{-` and `-}}` have taken the blanks beside them.
 *
 * @throws {TemplateProblem}
 */
export function readTokens(template: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let trimNext = false;
  for (;;) {
    const open = template.indexOf('{{', at);
    const end = open < 0 ? template.length : open;
    const trims = open >= 0 && template.charAt(open + 2) === '-' && blank.test(template.charAt(open + 3));
    let text = template.slice(at, end);
    if (trimNext) text = text.replace(/^[ \t\r\n]+/, '');
    if (trims) text = text.replace(/[ \t\r\n]+$/, '');
    if (text !== '') tokens.push({ kind: 'text', text, start: at });
    if (open < 0) break;
    const start = open + (trims ? 3 : 2);
    const inside = readComment(template, start) ?? readAction(template, open, start, tokens);
    ({ at, trimNext } = inside);
  }
  tokens.push({ kind: 'end', text: '', start: template.length });
  return tokens;
}

interface Inside {
  readonly at: number;
  readonly trimNext: boolean;
}

function readComment(template: string, start: number): Inside | undefined {
  const from = /^\s*/.exec(template.slice(start))?.[0].length ?? 0;
  if (!template.startsWith('/*', start + from)) return undefined;
  const end = template.indexOf('*/', start);
  if (end < 0) throw new TemplateProblem('this comment is not closed', start);
  const close = /^(\s+-)?\}\}/.exec(template.slice(end + 2));
  if (close === null) throw new TemplateProblem('a comment must end where its action ends', end);
  return { at: end + 2 + close[0].length, trimNext: close[1] !== undefined };
}

const patterns: readonly (readonly [TokenKind, RegExp])[] = [
  ['space', /[ \t\r\n]+/y],
  ['string', /"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`/y],
  ['character', /'(?:[^'\\\n]|\\[^\n])*'/y],
  ['number', /[+-]?(?:\.\d|\d)(?:[\w.]|(?<=[eEpP])[+-])*/y],
  ['field', /\.[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ['variable', /\$(?:[\p{L}\p{Nd}_]+)?/uy],
  ['word', /[\p{L}_][\p{L}\p{Nd}_]*/uy],
  ['dot', /\./y],
  ['sign', /:=|[=,|()]/y],
];

function readAction(template: string, open: number, start: number, tokens: Token[]): Inside {
  tokens.push({ kind: 'open', text: '{{', start: open });
  let at = start;
  let depth = 0;
  for (;;) {
    const close = /^(?:[ \t\r\n]+-)?\}\}/.exec(template.slice(at, at + 200));
    if (close !== null && depth > 0) throw new TemplateProblem('a "(" is not closed', at);
    if (close !== null) {
      tokens.push({ kind: 'close', text: '}}', start: at });
      return { at: at + close[0].length, trimNext: close[0] !== '}}' };
    }
    if (at >= template.length) throw new TemplateProblem('the action "{{" is not closed', open);
    const token = readToken(template, at);
    if (token.text === '(') depth++;
    if (token.text === ')' && --depth < 0) throw new TemplateProblem('there is no "(" for this ")"', at);
    tokens.push(token);
    at += token.text.length;
  }
}

function readToken(template: string, at: number): Token {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const text = pattern.exec(template)?.[0];
    if (text !== undefined) return { kind, text, start: at };
  }
  const c = template.charAt(at);
  if (c === '"') throw new TemplateProblem('this quoted text is not closed', at);
  if (c === '`') throw new TemplateProblem('this raw text is not closed', at);
  if (c === "'") throw new TemplateProblem('this character is not closed', at);
  throw new TemplateProblem(`"${c}" means nothing in an action`, at);
}
