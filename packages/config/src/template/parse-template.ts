import type { BranchNode, Command, Operand, Pipe, Template, TemplateNode } from './template-tree.ts';
import { readTokens, TemplateProblem, type Token, type TokenKind } from './template-tokens.ts';

/**
 * Reads a template of Go's `text/template`.
 *
 * @param functions the names of the functions that it may call
 * @throws {TemplateProblem} with the first problem
 * @see https://pkg.go.dev/text/template
 */
export function parseTemplate(text: string, functions: ReadonlySet<string>): Template {
  return new Reader(text, functions).template();
}

/** Most actions within each other. */
const maxDepth = 200;

class Reader {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #functions: ReadonlySet<string>;
  readonly #definitions = new Map<string, readonly TemplateNode[]>();
  #variables: string[] = ['$'];
  #at = 0;
  #loops = 0;
  #depth = 0;

  constructor(text: string, functions: ReadonlySet<string>) {
    this.#text = text;
    this.#tokens = readTokens(text);
    this.#functions = functions;
  }

  template(): Template {
    const body = this.#list(() => undefined).nodes;
    return { text: this.#text, body, definitions: this.#definitions };
  }

  /** Nodes up to the action that `ends` knows; at the top, up to the end of the text. */
  #list(ends: (word: string) => string | undefined): {
    readonly nodes: TemplateNode[];
    readonly end: string;
  } {
    const nodes: TemplateNode[] = [];
    const top = this.#depth === 0;
    for (;;) {
      const token = this.#next();
      if (token.kind === 'end') {
        if (top) return { nodes, end: '' };
        throw new TemplateProblem('an {{end}} is missing', token.start);
      }
      if (token.kind === 'text') {
        nodes.push({ kind: 'text', text: token.text });
        continue;
      }
      const word = this.#keyword();
      const end = word === undefined ? undefined : ends(word);
      if (end !== undefined) return { nodes, end };
      const node = this.#action(word, token.start);
      if (node !== undefined) nodes.push(node);
    }
  }

  /** Takes the word that an action begins with, if it is one that says what the action is. */
  #keyword(): string | undefined {
    this.#skipSpace();
    const token = this.#peek();
    if (token.kind !== 'word' || !keywords.has(token.text)) return undefined;
    this.#at++;
    return token.text;
  }

  #action(word: string | undefined, start: number): TemplateNode | undefined {
    switch (word) {
      case undefined: {
        const pipe = this.#pipe('an action', 1);
        this.#close();
        return { kind: 'action', pipe };
      }
      case 'if':
      case 'with':
      case 'range':
        return this.#branch(word, start);
      case 'break':
      case 'continue':
        if (this.#loops === 0) throw new TemplateProblem(`{{${word}}} is not within a {{range}}`, start);
        this.#close();
        return { kind: word };
      case 'template': {
        const name = this.#name('template');
        this.#skipSpace();
        const pipe = this.#peek().kind === 'close' ? undefined : this.#pipe('template', 1);
        this.#close();
        return { kind: 'template', name, pipe, start };
      }
      case 'define':
        if (this.#depth > 0) throw new TemplateProblem('{{define}} may not be within another action', start);
        this.#define(this.#name('define'));
        return undefined;
      case 'block': {
        const name = this.#name('block');
        const pipe = this.#pipe('block', 1);
        this.#define(name);
        return { kind: 'template', name, pipe, start };
      }
      default:
        throw new TemplateProblem(`there is nothing for this {{${word}}}`, start);
    }
  }

  #define(name: string): void {
    this.#close();
    const [variables, loops] = [this.#variables, this.#loops];
    [this.#variables, this.#loops] = [['$'], 0];
    const { nodes } = this.#within(() => this.#list((word) => (word === 'end' ? word : undefined)));
    this.#close();
    [this.#variables, this.#loops] = [variables, loops];
    const before = this.#definitions.get(name);
    if (before !== undefined && before.some((node) => node.kind !== 'text' || node.text.trim() !== ''))
      throw new TemplateProblem(`the template "${name}" is defined twice`, this.#peek().start);
    this.#definitions.set(name, nodes);
  }

  #branch(kind: BranchNode['kind'], start: number): BranchNode {
    const known = this.#variables.length;
    const pipe = this.#pipe(kind, kind === 'range' ? 2 : 1);
    this.#close();
    if (kind === 'range') this.#loops++;
    const ends = (word: string): string | undefined => (word === 'end' || word === 'else' ? word : undefined);
    const { nodes: body, end } = this.#within(() => this.#list(ends));
    if (kind === 'range') this.#loops--;
    let otherwise: readonly TemplateNode[] = [];
    if (end === 'else') {
      const again = this.#keyword();
      if (again !== undefined && (again !== kind || kind === 'range'))
        throw new TemplateProblem(`{{else ${again}}} does not go with {{${kind}}}`, start);
      if (again === undefined) {
        this.#close();
        ({ nodes: otherwise } = this.#within(() =>
          this.#list((word) => (word === 'end' ? word : undefined)),
        ));
        this.#close();
      } else otherwise = [this.#within(() => this.#branch(kind, start))];
    } else this.#close();
    this.#variables.length = known;
    return { kind, pipe, body, otherwise };
  }

  #within<T>(read: () => T): T {
    if (++this.#depth > maxDepth)
      throw new TemplateProblem('actions lie too deep in each other', this.#peek().start);
    const result = read();
    this.#depth--;
    return result;
  }

  #name(what: string): string {
    this.#skipSpace();
    const token = this.#next();
    if (token.kind !== 'string') throw new TemplateProblem(`{{${what}}} needs a name in quotes`, token.start);
    return unquoted(token);
  }

  #pipe(where: string, mostVariables: number): Pipe {
    this.#skipSpace();
    const { variables, declares } = this.#assignment(mostVariables);
    const commands: Command[] = [];
    for (;;) {
      const { start } = this.#peek();
      const command = this.#command();
      if (command === undefined) {
        throw new TemplateProblem(
          commands.length === 0 ? `${where} has no value` : 'a command is missing behind "|"',
          start,
        );
      }
      const [first] = command.operands;
      if (commands.length > 0 && constants.has(first.kind))
        throw new TemplateProblem('what stands behind "|" is nothing that can be called', first.start);
      commands.push(command);
      if (!this.#takes('|')) return this.#declared({ variables, declares, commands });
      this.#skipSpace();
    }
  }

  #declared(pipe: Pipe): Pipe {
    // Also one that is only set: whether it was declared shows when the template runs.
    this.#variables.push(...pipe.variables);
    return pipe;
  }

  #assignment(most: number): { readonly variables: readonly string[]; readonly declares: boolean } {
    const from = this.#at;
    const variables: string[] = [];
    while (this.#peek().kind === 'variable') {
      variables.push(this.#next().text);
      this.#skipSpace();
      const sign = this.#peek().text;
      if (sign === ':=' || sign === '=') {
        this.#at++;
        this.#skipSpace();
        return { variables, declares: sign === ':=' };
      }
      if (sign !== ',' || variables.length >= most) break;
      this.#at++;
      this.#skipSpace();
    }
    this.#at = from;
    return { variables: [], declares: false };
  }

  #command(): Command | undefined {
    const operands: Operand[] = [];
    for (;;) {
      this.#skipSpace();
      const token = this.#peek();
      if (token.kind === 'close' || token.text === '|' || token.text === ')') break;
      operands.push(this.#operand());
      const next = this.#peek();
      if (next.kind !== 'space' && next.kind !== 'close' && next.text !== '|' && next.text !== ')')
        throw new TemplateProblem(`"${next.text}" may not stand right behind what is before it`, next.start);
    }
    const [first, ...rest] = operands;
    return first === undefined ? undefined : { operands: [first, ...rest] };
  }

  #operand(): Operand {
    const token = this.#next();
    const { start, text } = token;
    const place = { start, end: start + text.length };
    switch (token.kind) {
      case 'field':
        return { kind: 'field', fields: [text.slice(1), ...this.#fields()], start, end: this.#end() };
      case 'variable':
        this.#known(text, start);
        return { kind: 'variable', name: text, fields: this.#fields(), start, end: this.#end() };
      case 'dot':
        return { kind: 'dot', ...place };
      case 'string':
        return { kind: 'string', value: unquoted(token), ...place };
      case 'character':
        return { kind: 'int', value: characterCode(token), ...place };
      case 'number':
        return { ...numberOf(token), ...place };
      case 'word':
        if (text === 'true' || text === 'false') return { kind: 'bool', value: text === 'true', ...place };
        if (text === 'nil') return { kind: 'nil', ...place };
        if (keywords.has(text)) throw new TemplateProblem(`{{${text}}} may not stand here`, start);
        if (!this.#functions.has(text)) throw new TemplateProblem(`there is no function "${text}"`, start);
        return { kind: 'function', name: text, ...place };
      case 'sign':
        if (text === '(') {
          const pipe = this.#within(() => this.#pipe('a group', 1));
          if (!this.#takes(')')) throw new TemplateProblem('a ")" is missing', this.#peek().start);
          return { kind: 'pipe', pipe, fields: this.#fields(), start, end: this.#end() };
        }
        break;
      default:
    }
    throw new TemplateProblem(`"${text}" may not stand here`, start);
  }

  #fields(): string[] {
    const fields: string[] = [];
    while (this.#peek().kind === 'field') fields.push(this.#next().text.slice(1));
    return fields;
  }

  #end(): number {
    const last = this.#tokens[this.#at - 1];
    return last === undefined ? 0 : last.start + last.text.length;
  }

  #known(name: string, start: number): void {
    if (!this.#variables.includes(name)) throw new TemplateProblem(`there is no variable "${name}"`, start);
  }

  #takes(sign: string): boolean {
    if (this.#peek().kind !== 'sign' || this.#peek().text !== sign) return false;
    this.#at++;
    return true;
  }

  #close(): void {
    this.#skipSpace();
    const token = this.#next();
    if (token.kind !== 'close') throw new TemplateProblem(`"${token.text}" may not stand here`, token.start);
  }

  #skipSpace(): void {
    while (this.#peek().kind === 'space') this.#at++;
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? { kind: 'end', text: '', start: this.#text.length };
  }

  #next(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }
}

const keywords: ReadonlySet<string> = new Set(
  'if with range else end break continue template define block'.split(' '),
);

const constants: ReadonlySet<Operand['kind']> = new Set(['bool', 'string', 'int', 'float', 'nil', 'dot']);

/** The text that a quoted or raw string of Go stands for. */
function unquoted(token: {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
}): string {
  const body = token.text.slice(1, -1);
  if (token.text.startsWith('`')) return body.replaceAll('\r', '');
  return body.replaceAll(
    /\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)/gs,
    (all, code: string) => {
      const plain = escapes[code];
      if (plain !== undefined) return plain;
      const digits = /^[xuU]/.test(code) ? code.slice(1) : code;
      const point = Number.parseInt(digits, /^[0-7]/.test(code) ? 8 : 16);
      if (code.length < 3 || Number.isNaN(point) || point > 0x10ffff)
        throw new TemplateProblem(`"${all}" is no escape`, token.start);
      return String.fromCodePoint(point);
    },
  );
}

const escapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
};

function characterCode(token: Token): bigint {
  const characters = Array.from(unquoted(token));
  const [one] = characters;
  if (characters.length !== 1 || one === undefined)
    throw new TemplateProblem(`${token.text} is not one character`, token.start);
  return BigInt(one.codePointAt(0) ?? 0);
}

function numberOf({ text, start }: Token): { kind: 'int'; value: bigint } | { kind: 'float'; value: number } {
  const plain = text.replaceAll(/(?<=[\da-fA-FxXoObB])_(?=[\da-fA-F])/g, '');
  const [, sign = '', digits = ''] = /^([+-]?)(.*)$/.exec(plain) ?? [];
  const whole = /^0[0-7]+$/.test(digits) ? `0o${digits}` : digits;
  if (/^(?:0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+|0|[1-9]\d*)$/.test(whole)) {
    const value = BigInt(whole);
    return { kind: 'int', value: sign === '-' ? -value : value };
  }
  if (/^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(digits)) {
    const value = Number(plain);
    // A float without a fraction may stand where an integer is wanted, and is printed as one.
    return Number.isInteger(value) && !digits.includes('.')
      ? { kind: 'int', value: BigInt(value) }
      : { kind: 'float', value };
  }
  throw new TemplateProblem(`"${text}" is no number`, start);
}
