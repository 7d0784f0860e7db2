import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { substitute, type SubstitutionProblem, type Variables } from './substitution.ts';
import { PatternError, replaceMatches } from './var-transform.ts';

/** What the variables of parse time are made from. */
export interface VariableSources {
  readonly name: string;
  readonly version: string;
  readonly epoch: bigint;
  readonly description: string;
  readonly vars: Readonly<Record<string, string>>;
  readonly varTransforms: readonly TransformRule[];
}

export interface TransformRule {
  readonly from: string;
  readonly match: string;
  readonly replace: string;
  readonly to: string;
}

/** A reference in the value that `path` leads to, to a variable that is not there or is written wrongly. */
export interface ReferenceProblem {
  readonly kind: 'reference';
  readonly path: readonly (string | number)[];
  readonly problem: SubstitutionProblem;
}

/** What can be wrong with variables; `path` leads to the value in the build file. */
export type VariableProblem =
  | ReferenceProblem
  | { readonly kind: 'pattern'; readonly path: readonly (string | number)[]; readonly reason: string }
  | {
      readonly kind: 'cycle';
      readonly path: readonly (string | number)[];
      readonly names: readonly string[];
    };

/**
 * The variables that a build file itself has: `package.*`, `vars.*` and what the transforms make.
 *
 * A value of `vars` may refer to `package.*` and to other vars, in any order; references that are known only
 * at build time stay as they are.
 */
export function fileVariables(sources: VariableSources, problems: VariableProblem[]): Map<string, string> {
  const { vars } = sources;
  const plain: Variables = {
    get: (name) => {
      const value = name.startsWith('vars.') ? vars[name.slice(5)] : undefined;
      return value?.includes('${{') === true ? undefined : value;
    },
  };
  const name = substitute(sources.name, plain).text;
  const version = substitute(sources.version, plain).text;
  const table = new Map<string, string>([
    ['package.name', name],
    ['package.version', version],
    ['package.description', sources.description],
    ['package.epoch', String(sources.epoch)],
    ['package.full-version', `${version}-r${sources.epoch}`],
  ]);
  resolveVars(sources.vars, table, problems, 'lenient');
  applyTransforms(sources.varTransforms, table, problems);
  return table;
}

/** Longest way from one variable over others. */
const maxChain = 200;

/** Most problems told of one value. */
const maxPerValue = 20;

/**
 * Adds `vars.*` to `table`, each resolved against the table and the other vars.
 *
 * @throws {BuildError} CONFIG_TOO_DEEP when a variable needs others over more than 200 steps.
 *
 * `strict` reports references to what is in neither; `lenient` leaves them in the value.
 */
export function resolveVars(
  vars: Readonly<Record<string, string>>,
  table: Map<string, string>,
  problems: VariableProblem[],
  unknown: 'strict' | 'lenient',
): void {
  const waiting = new Map<string, string>();
  for (const key in vars) {
    const value = vars[key] ?? '';
    if (value.includes('${{')) waiting.set(key, value);
    else table.set(`vars.${key}`, value);
  }
  const path: string[] = [];
  const lookup: Variables = {
    get: (name) => {
      if (name.startsWith('vars.') && waiting.has(name.slice(5))) resolve(name.slice(5));
      return table.get(name);
    },
  };
  for (const key of waiting.keys()) resolve(key);

  function resolve(key: string): void {
    if (path.includes(key)) {
      const names = [...path.slice(path.indexOf(key)), key];
      problems.push({ kind: 'cycle', path: ['vars', key], names });
      for (const name of names) {
        waiting.delete(name);
        table.set(`vars.${name}`, vars[name] ?? '');
      }
      return;
    }
    const value = waiting.get(key) ?? '';
    if (path.length >= maxChain) {
      const reason = `one whose vars refer to each other over more than ${maxChain} steps`;
      throw buildError(errors, 'CONFIG_TOO_DEEP', { reason });
    }
    path.push(key);
    const result = substitute(value, lookup);
    path.pop();
    if (!waiting.delete(key)) return;
    if (unknown === 'strict') {
      for (const problem of result.problems.slice(0, maxPerValue)) {
        problems.push({ kind: 'reference', path: ['vars', key], problem });
      }
    }
    table.set(`vars.${key}`, result.text);
  }
}

/** Runs the transforms in order; each may use what those before it made. Results are `vars.<to>`. */
export function applyTransforms(
  transforms: readonly TransformRule[],
  table: Map<string, string>,
  problems: VariableProblem[],
): void {
  for (const [index, transform] of transforms.entries()) {
    const from = substitute(transform.from, table);
    for (const problem of from.problems.slice(0, maxPerValue)) {
      problems.push({ kind: 'reference', path: ['var-transforms', index, 'from'], problem });
    }
    try {
      table.set(`vars.${transform.to}`, replaceMatches(from.text, transform.match, transform.replace));
    } catch (cause) {
      if (!(cause instanceof PatternError)) throw cause;
      problems.push({ kind: 'pattern', path: ['var-transforms', index, 'match'], reason: cause.message });
      table.set(`vars.${transform.to}`, from.text);
    }
  }
}
