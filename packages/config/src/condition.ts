import type { Variables } from './substitution.ts';

/** An `if:` as a tree. Operators have one rank and are taken from left to right. */
export type Condition =
  | { readonly kind: 'comparison'; readonly equal: boolean; readonly left: Operand; readonly right: Operand }
  | { readonly kind: 'chain'; readonly first: Condition; readonly rest: readonly ConditionLink[] };

export interface ConditionLink {
  readonly operator: '&&' | '||';
  readonly condition: Condition;
}

export type Operand =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string; readonly start: number; readonly end: number };

/** Why a text is no condition. Offsets count in that text. */
export interface ConditionProblem {
  /** What was expected or found, without place and full stop. */
  readonly message: string;
  readonly start: number;
  readonly end: number;
}

export type ParsedCondition =
  | { readonly condition: Condition; readonly problem?: undefined }
  | { readonly condition?: undefined; readonly problem: ConditionProblem };

/** Deepest nesting of parentheses that is read. */
export const maxConditionDepth = 1000;

/**
 * Reads an `if:` text: comparisons with `==` or `!=` of quoted texts and variables, joined by `&&` and `||`,
 * grouped by parentheses.
 *
 * `&&` and `||` have the same rank: `a || b && c` is `(a || b) && c`.
 */
export function parseCondition(text: string): ParsedCondition {
  const reader = new Reader(text);
  try {
    const condition = reader.chain(0);
    reader.space();
    if (reader.at < text.length) reader.fail('something stands behind the condition', reader.at, text.length);
    return { condition };
  } catch (cause) {
    if (cause instanceof Failure) return { problem: cause.problem };
    throw cause;
  }
}

/**
 * Says whether a condition holds. Unknown variables are the empty text; with `unknown` their names are told,
 * all of them, for every operand is looked up whatever the result.
 */
export function holds(
  condition: Condition,
  variables: Variables,
  unknown?: (operand: Operand & { kind: 'variable' }) => void,
): boolean {
  if (condition.kind === 'comparison') {
    const left = operandValue(condition.left, variables, unknown);
    const right = operandValue(condition.right, variables, unknown);
    return (left === right) === condition.equal;
  }
  let result = holds(condition.first, variables, unknown);
  for (const { operator, condition: next } of condition.rest) {
    const value = holds(next, variables, unknown);
    result = operator === '&&' ? result && value : result || value;
  }
  return result;
}

/** What a condition may come to when only some variables are known, the others being anything. */
export function possibleValues(condition: Condition, known: Variables): ReadonlySet<boolean> {
  if (condition.kind === 'comparison') {
    const { left, right, equal } = condition;
    const a = left.kind === 'text' ? left.text : known.get(left.name);
    const b = right.kind === 'text' ? right.text : known.get(right.name);
    if (a !== undefined && b !== undefined) return new Set([(a === b) === equal]);
    const same = left.kind === 'variable' && right.kind === 'variable' && left.name === right.name;
    return same ? new Set([equal]) : new Set([true, false]);
  }
  let result = possibleValues(condition.first, known);
  for (const { operator, condition: next } of condition.rest) {
    const values = possibleValues(next, known);
    const joined = new Set<boolean>();
    for (const a of result) for (const b of values) joined.add(operator === '&&' ? a && b : a || b);
    result = joined;
  }
  return result;
}

function operandValue(
  operand: Operand,
  variables: Variables,
  unknown?: (operand: Operand & { kind: 'variable' }) => void,
): string {
  if (operand.kind === 'text') return operand.text;
  const value = variables.get(operand.name);
  if (value === undefined) unknown?.(operand);
  return value ?? '';
}

class Failure extends Error {
  readonly problem: ConditionProblem;
  constructor(problem: ConditionProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

class Reader {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  chain(depth: number): Condition {
    if (depth > maxConditionDepth) this.fail('parentheses are nested too deep', this.at, this.at + 1);
    const first = this.atom(depth);
    const rest: ConditionLink[] = [];
    for (;;) {
      this.space();
      const operator = this.text.slice(this.at, this.at + 2);
      if (operator !== '&&' && operator !== '||') {
        return rest.length === 0 ? first : { kind: 'chain', first, rest };
      }
      this.at += 2;
      rest.push({ operator, condition: this.atom(depth) });
    }
  }

  atom(depth: number): Condition {
    this.space();
    if (this.text.charAt(this.at) !== '(') return this.comparison();
    const open = this.at;
    this.at++;
    const inner = this.chain(depth + 1);
    this.space();
    if (this.text.charAt(this.at) !== ')')
      this.fail('the closing ")" of this group is missing', open, this.at);
    this.at++;
    return inner;
  }

  comparison(): Condition {
    const left = this.operand();
    this.space();
    const operator = this.text.slice(this.at, this.at + 2);
    if (operator !== '==' && operator !== '!=') {
      const found = operator.trim();
      this.fail(
        found === '' ? '"==" or "!=" is missing here' : `"==" or "!=" must stand here, not "${found}"`,
        this.at,
        this.at + Math.max(1, operator.length),
      );
    }
    this.at += 2;
    return { kind: 'comparison', equal: operator === '==', left, right: this.operand() };
  }

  operand(): Operand {
    this.space();
    const c = this.text.charAt(this.at);
    if (c === '"' || c === "'") return { kind: 'text', text: this.quoted(c) };
    if (this.text.startsWith('${{', this.at)) return this.variable();
    if (c === '') return this.fail('a quoted text or a variable is missing at the end', this.at, this.at);
    const word = /^[^\s'"()=!&|]+/.exec(this.text.slice(this.at, this.at + 80))?.[0] ?? c;
    return this.fail(
      `a text in quotes or a variable must stand here, not "${word}"`,
      this.at,
      this.at + word.length,
    );
  }

  quoted(quote: string): string {
    const open = this.at;
    let out = '';
    for (this.at++; this.at < this.text.length; this.at++) {
      const c = this.text.charAt(this.at);
      if (c === quote) {
        this.at++;
        return out;
      }
      if (c !== '\\') {
        out += c;
        continue;
      }
      this.at++;
      const next = this.text.charAt(this.at);
      if (next === '\\' || next === "'" || next === '"') out += next;
      else if (next === 'n') out += '\n';
      else if (next === 't') out += '\t';
      else out += `\\${next}`;
    }
    return this.fail(`the closing ${quote} of this text is missing`, open, this.text.length);
  }

  variable(): Operand {
    const match = variablePattern.exec(this.text.slice(this.at, this.at + 1000));
    const start = this.at;
    if (match === null) return this.fail('this is no variable: ${{ name }} is one', start, start + 3);
    this.at += match[0].length;
    return { kind: 'variable', name: match[1] ?? '', start, end: this.at };
  }

  space(): void {
    for (;;) {
      const c = this.text.charCodeAt(this.at);
      if (c !== 32 && c !== 9 && c !== 10 && c !== 13) return;
      this.at++;
    }
  }

  fail(message: string, start: number, end: number): never {
    throw new Failure({ message, start, end: Math.min(end, this.text.length) });
  }
}

const variablePattern = /^\$\{\{[ \t\r\n]*([a-zA-Z0-9.\-_]+)[ \t\r\n]*\}\}/;
