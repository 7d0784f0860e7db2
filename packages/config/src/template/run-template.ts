import {
  goBool,
  goInt,
  goString,
  type GoStruct,
  type GoValue,
  isTrue,
  none,
  pointedTo,
  TemplateFailure,
  typeOf,
} from './go-value.ts';
import { fail, printedValue, templateFunctions } from './template-functions.ts';
import { TemplateProblem } from './template-tokens.ts';
import type { BranchNode, Command, Operand, Pipe, Template, TemplateNode } from './template-tree.ts';

/** What a template printed, and why it ended early if it did. */
export interface TemplateRun {
  readonly output: string;
  readonly problem?: TemplateProblem;
}

/** Runs a template on a value. What it has printed before something goes wrong is part of the result. */
export function runTemplate(template: Template, data: GoValue): TemplateRun {
  const runner = new Runner(template);
  try {
    runner.run(template.body, data, [{ name: '$', value: data }]);
    return { output: runner.output };
  } catch (cause) {
    if (!(cause instanceof TemplateProblem)) throw cause;
    return { output: runner.output, problem: cause };
  }
}

interface Variable {
  readonly name: string;
  value: GoValue;
}

type Variables = Variable[];

/** Most templates within each other. */
const maxDepth = 1000;
/** Most characters that a template may print. */
const maxOutput = 64 * 1024 * 1024;
/** Most rounds of all loops. */
const maxRounds = 10_000_000;

class Runner {
  output = '';
  readonly #template: Template;
  #depth = 0;
  #rounds = 0;

  constructor(template: Template) {
    this.#template = template;
  }

  /** Runs nodes; tells whether a loop around them is to end or go on. */
  run(nodes: readonly TemplateNode[], dot: GoValue, variables: Variables): 'break' | 'continue' | undefined {
    for (const node of nodes) {
      switch (node.kind) {
        case 'text':
          this.#print(node.text, 0);
          break;
        case 'action': {
          const value = this.#pipe(node.pipe, dot, variables);
          if (node.pipe.variables.length === 0) {
            const start = node.pipe.commands[0]?.operands[0].start ?? 0;
            this.#print(
              this.#at(start, () => printedValue(value)),
              start,
            );
          }
          break;
        }
        case 'break':
        case 'continue':
          return node.kind;
        case 'template':
          this.#call(node, dot, variables);
          break;
        case 'if':
        case 'with':
        case 'range': {
          const known = variables.length;
          const ended = this.#branch(node, dot, variables);
          variables.length = known;
          if (ended !== undefined) return ended;
        }
      }
    }
    return undefined;
  }

  #print(text: string, start: number): void {
    if (this.output.length + text.length > maxOutput)
      throw new TemplateProblem('more than 64 MiB would be printed', start);
    this.output += text;
  }

  #call(node: TemplateNode & { readonly kind: 'template' }, dot: GoValue, variables: Variables): void {
    const body = this.#template.definitions.get(node.name);
    if (body === undefined) throw new TemplateProblem(`there is no template "${node.name}"`, node.start);
    if (++this.#depth > maxDepth)
      throw new TemplateProblem('templates lie too deep in each other', node.start);
    const data = node.pipe === undefined ? none : this.#pipe(node.pipe, dot, variables);
    this.run(body, data, [{ name: '$', value: data }]);
    this.#depth--;
  }

  #branch(node: BranchNode, dot: GoValue, variables: Variables): 'break' | 'continue' | undefined {
    if (node.kind === 'range') return this.#range(node, dot, variables);
    const value = this.#pipe(node.pipe, dot, variables);
    if (!isTrue(value)) return this.run(node.otherwise, dot, variables);
    return this.run(node.body, node.kind === 'with' ? value : dot, variables);
  }

  #range(node: BranchNode, dot: GoValue, variables: Variables): 'break' | 'continue' | undefined {
    const { pipe } = node;
    const start = pipe.commands[0]?.operands[0].start ?? 0;
    const value = this.#value(pipe, dot, variables);
    const rounds = this.#at(start, () => roundsOf(value, pipe.variables.length));
    if (rounds.length === 0) return this.run(node.otherwise, dot, variables);
    for (const [key, item] of rounds) {
      if (++this.#rounds > maxRounds) throw new TemplateProblem('this is repeated too often', start);
      const known = variables.length;
      const last = pipe.variables.at(-1);
      const first = pipe.variables.length > 1 ? pipe.variables[0] : undefined;
      if (first !== undefined) this.#set(first, key, pipe.declares, variables);
      if (last !== undefined) this.#set(last, item, pipe.declares, variables);
      const ended = this.run(node.body, item, variables);
      variables.length = known;
      if (ended === 'break') break;
    }
    return undefined;
  }

  #set(name: string, value: GoValue, declares: boolean, variables: Variables): void {
    const known = declares ? undefined : variables.findLast((variable) => variable.name === name);
    if (known === undefined && !declares) fail(`there is no variable "${name}"`);
    if (known === undefined) variables.push({ name, value });
    else known.value = value;
  }

  #pipe(pipe: Pipe, dot: GoValue, variables: Variables): GoValue {
    const value = this.#value(pipe, dot, variables);
    const start = pipe.commands[0]?.operands[0].start ?? 0;
    this.#at(start, () => {
      for (const name of pipe.variables) this.#set(name, value, pipe.declares, variables);
    });
    return value;
  }

  /** The value of a pipe, before it goes into its variables. */
  #value(pipe: Pipe, dot: GoValue, variables: Variables): GoValue {
    let value: GoValue | undefined;
    for (const command of pipe.commands) value = this.#command(command, value, dot, variables);
    return value ?? none;
  }

  #command(
    { operands: [first, ...rest] }: Command,
    piped: GoValue | undefined,
    dot: GoValue,
    variables: Variables,
  ): GoValue {
    if (first.kind === 'function' && (first.name === 'and' || first.name === 'or'))
      return this.#decide(first, rest, piped, dot, variables);
    if (first.kind === 'nil') throw new TemplateProblem('nil is no command', first.start);
    const callable =
      first.kind === 'function' ||
      first.kind === 'field' ||
      first.kind === 'variable' ||
      first.kind === 'pipe';
    const args = rest.map((operand) => this.#operand(operand, dot, variables));
    if (piped !== undefined) args.push(piped);
    if (!callable && args.length > 0)
      throw new TemplateProblem('this is no function and takes no arguments', first.start);
    if (first.kind === 'function') {
      const run = templateFunctions.get(first.name);
      return this.#at(first.start, () => run?.(args) ?? none);
    }
    return this.#operand(first, dot, variables, args);
  }

  /** `and` and `or` look at no more arguments than they need. */
  #decide(
    { name, start }: Operand & { readonly kind: 'function' },
    operands: readonly Operand[],
    piped: GoValue | undefined,
    dot: GoValue,
    variables: Variables,
  ): GoValue {
    let value: GoValue | undefined;
    for (const operand of operands) {
      value = this.#operand(operand, dot, variables);
      if (isTrue(value) === (name === 'or')) return value;
    }
    const last = piped ?? value;
    if (last === undefined) throw new TemplateProblem(`${name} takes at least one argument`, start);
    return last;
  }

  #operand(operand: Operand, dot: GoValue, variables: Variables, args: readonly GoValue[] = []): GoValue {
    const { start } = operand;
    switch (operand.kind) {
      case 'dot':
        return dot;
      case 'nil':
        return { kind: 'nil' };
      case 'bool':
        return goBool(operand.value);
      case 'string':
        return goString(operand.value);
      case 'int':
        return goInt(operand.value);
      case 'float':
        return { kind: 'float', value: operand.value };
      case 'function': {
        const run = templateFunctions.get(operand.name);
        return this.#at(start, () => run?.([]) ?? none);
      }
      case 'field':
        return this.#at(start, () => fieldsOf(dot, operand.fields, args));
      case 'variable': {
        const value = variables.findLast((variable) => variable.name === operand.name)?.value ?? none;
        return this.#at(start, () => fieldsOf(value, operand.fields, args));
      }
      case 'pipe': {
        const value = this.#pipe(operand.pipe, dot, variables);
        return this.#at(start, () => fieldsOf(value, operand.fields, args));
      }
    }
  }

  /** Adds the place to what goes wrong. */
  #at<T>(start: number, run: () => T): T {
    try {
      return run();
    } catch (cause) {
      if (!(cause instanceof TemplateFailure)) throw cause;
      throw new TemplateProblem(cause.message, start);
    }
  }
}

/** The pairs of key and item that a loop goes through. */
function roundsOf(given: GoValue, variables: number): readonly (readonly [GoValue, GoValue])[] {
  const value = pointedTo(given);
  switch (value.kind) {
    case 'none':
    case 'nil':
      return [];
    case 'list':
      return value.items.map((item, i) => [goInt(i), item]);
    case 'map':
      return [...value.entries].map(([key, item]) => [goString(key), item]);
    case 'sequence':
      if (variables > 1) throw new TemplateFailure('a sequence has no keys');
      return value.items.map((item) => [none, item]);
    case 'int': {
      if (variables > 1) throw new TemplateFailure('a number has no keys');
      const count = Number(value.value);
      if (count > maxRounds) throw new TemplateFailure('this is repeated too often');
      return Array.from({ length: Math.max(0, count) }, (_, i) => [goInt(i), goInt(i, value.type)]);
    }
    case 'pointer':
      throw new TemplateFailure('there is nothing to go through: the value is nil');
    default:
      throw new TemplateFailure(`a value of ${typeOf(value)} cannot be gone through`);
  }
}

/** The value at the end of a way of fields; the last may be a method, which takes the arguments. */
function fieldsOf(from: GoValue, fields: readonly string[], args: readonly GoValue[]): GoValue {
  let value = from;
  for (const [i, name] of fields.entries()) {
    value = fieldOf(value, name, i === fields.length - 1 ? args : []);
  }
  if (fields.length === 0 && args.length > 0) throw new TemplateFailure('this takes no arguments');
  return value;
}

function fieldOf(from: GoValue, name: string, args: readonly GoValue[]): GoValue {
  const value = pointedTo(from);
  if (value.kind === 'struct') {
    const method = value.methods?.[name];
    if (method !== undefined && Object.hasOwn(value.methods ?? {}, name)) {
      if (args.length !== method.parameters) {
        throw new TemplateFailure(`${name} takes ${method.parameters} arguments and not ${args.length}`);
      }
      return method.call(args);
    }
    const field = Object.hasOwn(value.fields, name) ? value.fields[name] : undefined;
    if (field === undefined) throw new TemplateFailure(unknownField(value, typeOf(from), name));
    if (args.length > 0) throw new TemplateFailure(`${name} is no method and takes no arguments`);
    return field;
  }
  if (value.kind === 'map') {
    if (args.length > 0) throw new TemplateFailure(`${name} is no method and takes no arguments`);
    return value.entries.get(name) ?? none;
  }
  if (value.kind === 'pointer' || value.kind === 'nil' || value.kind === 'none')
    throw new TemplateFailure(`there is no ${name}: what should have it is nil`);
  throw new TemplateFailure(`a value of ${typeOf(value)} has no field ${name}`);
}

function unknownField(value: GoStruct, type: string, name: string): string {
  const known = [...Object.keys(value.fields), ...Object.keys(value.methods ?? {})];
  const meant = known.find((field) => field.toLowerCase() === name.toLowerCase());
  return `${type} has no field ${name}${meant === undefined ? `, but ${known.join(', ')}` : `; it has ${meant}`}`;
}
