import type { Span } from '@melange2/diagnostics';
import {
  buildVariables,
  holds,
  layered,
  locateLine,
  parseCondition,
  substitute,
  substituteCondition,
  subpackageVariables,
  type LocatedText,
  type PackageConfig,
  type Subpackage,
  type Variables,
} from '@melange2/config';
import { explainVariables, type ExplainedValue } from './explain-variables.ts';
import type { CompiledPackage, CompiledStep, CompiledTest } from './compiled-package.ts';
import type { PipelineLibrary } from './pipeline-library.ts';

/** What a line of a build file means. */
export interface LineExplanation {
  readonly file: string;
  readonly line: number;
  /** The way to what stands there: `pipeline[1].with.uri`. */
  readonly path: string;
  /** What the texts of the line become, once for each package that a range makes of them. */
  readonly texts: readonly ExplainedText[];
  /** The step that the line belongs to. */
  readonly step?: ExplainedStep;
}

export interface ExplainedText {
  readonly path: string;
  /** The package that it is about. */
  readonly package: string;
  /** As the file has it. */
  readonly written: string;
  /** With all variables put in. */
  readonly text: string;
  readonly values: readonly ExplainedValue[];
  /** For conditions: whether it holds. */
  readonly holds?: boolean;
}

export interface ExplainedStep {
  /** The pipeline of its `uses`. */
  readonly uses?: string;
  readonly builtIn: boolean;
  /** The file of the pipeline. */
  readonly pipelineFile?: string;
  readonly place: Span | undefined;
  readonly needs: readonly string[];
  readonly inputs: readonly ExplainedInput[];
  /** The commands that it becomes, in their order. */
  readonly scripts: readonly string[];
}

export interface ExplainedInput {
  readonly name: string;
  readonly value: string;
  /** Where the value is from: the build file gives it, the pipeline's default is taken, or there is none. */
  readonly from: 'given' | 'default' | 'nothing';
  /** Where it is given, or where the default stands. */
  readonly place?: Span;
  readonly default: string;
  readonly required: boolean;
}

export interface ExplainOptions {
  /** The text of the build file. */
  readonly text: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The build file, parsed and compiled. */
  readonly config: PackageConfig;
  readonly compiled: CompiledPackage;
  /** Where the pipelines of the compiled package are from. */
  readonly library: PipelineLibrary;
  readonly libc?: 'gnu' | 'musl';
  readonly buildOptions?: readonly string[];
}

/** Most packages of one range that are told of. */
const maxPackages = 20;

/**
 * Says what a line of a build file becomes: its texts with every variable put in, where each of their values is from,
 * and for a step which pipeline it is, with which inputs, and what is run.
 *
 * `undefined` when the file has no such line.
 */
export function explainLine(options: ExplainOptions): LineExplanation | undefined {
  const { text, file, line, config, compiled } = options;
  const found = locateLine(text, file, line);
  if (found === undefined) return undefined;
  const scope = scopesOf(found.path, options);
  const step = stepAt(found.path, scope[0], compiled);
  return {
    file,
    line,
    path: formatPath(found.texts.length === 1 ? (found.texts[0]?.path ?? found.path) : found.path),
    texts: found.texts.flatMap((located) =>
      scope.slice(0, maxPackages).map((one) => explainText(located, one, config, line, compiled)),
    ),
    ...(step === undefined ? {} : { step: explainStep(step, options.library) }),
  };
}

/** A package that the line is about, with the variables it sees. */
interface Scope {
  readonly package: string;
  /** Its index among the compiled subpackages; `undefined` for the main package. */
  readonly index: number | undefined;
  readonly subpackage: Subpackage | undefined;
  readonly variables: Variables;
}

function scopesOf(path: LocatedText['path'], options: ExplainOptions): readonly Scope[] {
  const { config, compiled, libc = 'gnu', buildOptions = [] } = options;
  const { main } = buildVariables(config, { arch: compiled.architecture, libc, options: buildOptions });
  const whole: Scope = {
    package: config.package.name,
    index: undefined,
    subpackage: undefined,
    variables: main,
  };
  const [first, entry] = path;
  if (first !== 'subpackages' || typeof entry !== 'number') return [whole];
  const place = config.at.value('subpackages', entry);
  // A range makes several of one entry.
  const made = config.subpackages.flatMap((subpackage, index) => {
    const own = subpackage.at.value();
    if (own === undefined || own.start.offset !== place?.start.offset) return [];
    const variables = layered(subpackageVariables(subpackage.name), main);
    return [{ package: subpackage.name, index, subpackage, variables }];
  });
  return made.length > 0 ? made : [whole];
}

/** The compiled step that a path leads to or into. */
function stepAt(
  path: LocatedText['path'],
  scope: Scope | undefined,
  compiled: CompiledPackage,
): CompiledStep | undefined {
  const rest = path[0] === 'subpackages' ? path.slice(2) : path;
  const owner = scope?.index === undefined ? compiled : compiled.subpackages[scope.index];
  const ofTest = rest[0] === 'test';
  const test: CompiledTest | undefined = owner?.test;
  let steps: readonly CompiledStep[] | undefined = ofTest ? test?.steps : owner?.steps;
  let found: CompiledStep | undefined;
  for (let at = ofTest ? 1 : 0; rest[at] === 'pipeline'; at += 2) {
    const index = rest[at + 1];
    const next = typeof index === 'number' ? steps?.[index] : undefined;
    if (next === undefined) break;
    found = next;
    steps = next.children;
  }
  return found;
}

/** Inside steps, what gets the variables of the build, besides those of the file. */
const builtKeys: ReadonlySet<string> = new Set(['runs', 'with', 'if', 'needs', 'working-directory']);

function explainText(
  located: LocatedText,
  scope: Scope,
  config: PackageConfig,
  line: number,
  compiled: CompiledPackage,
): ExplainedText {
  const { path, onLine } = located;
  const { subpackage, variables } = scope;
  const places = subpackage?.at ?? config.at;
  const inside = subpackage === undefined ? path : path.slice(2);
  const origin = places.origin(...inside);
  const key = path.findLast((part) => typeof part === 'string') ?? '';
  const inStep = path.includes('pipeline');
  const section = inStep ? path.slice(path.lastIndexOf('pipeline') + 2) : path;
  const built = inStep
    ? builtKeys.has(String(section[0]))
    : path.includes('dependencies') || path.includes('packages') || key === 'if';
  const isCondition = key === 'if';
  const parsed = origin?.text ?? onLine;
  const result = !built
    ? { text: parsed }
    : isCondition
      ? substituteCondition(parsed, variables)
      : substitute(parsed, variables);
  const script = key === 'runs' ? stepAt(path, scope, compiled) : undefined;
  const whole = script?.scriptOrigin() ?? origin;
  // Of a value on several lines, only the one that was asked for; a script has its variables put in already.
  const part = whole === undefined || !onSeveralLines(located) ? '' : linesFrom(whole, line);
  const text = part === '' ? result.text : built ? substitute(part, variables).text : part;
  const condition = isCondition ? parseCondition(result.text).condition : undefined;
  return {
    path: formatPath(path),
    package: scope.package,
    written: onLine,
    text,
    values: explainVariables(onLine, { config, subpackage, variables }),
    ...(condition === undefined ? {} : { holds: holds(condition, variables) }),
  };
}

function onSeveralLines({ span }: LocatedText): boolean {
  return span.end.line > span.start.line;
}

/** The lines of a text that came from a line of the file. */
function linesFrom(
  origin: { readonly text: string; span(start: number, end: number): Span },
  line: number,
): string {
  const out: string[] = [];
  let at = 0;
  for (const part of origin.text.replace(/\n$/, '').split('\n')) {
    const { start, end } = origin.span(at, at + Math.max(1, part.length));
    if (start.line <= line && end.line >= line && (part !== '' || start.line === line)) out.push(part);
    at += part.length + 1;
  }
  return out.join('\n');
}

function explainStep(step: CompiledStep, library: PipelineLibrary): ExplainedStep {
  const { uses } = step.step;
  const definition = uses === undefined || uses === '' ? undefined : library.find(uses, undefined);
  const file = definition !== undefined && 'step' in definition ? definition : undefined;
  const declared = file?.step.inputs ?? {};
  const inputs = Object.entries(declared).map(([name, input]): ExplainedInput => {
    const value = step.inputs[name] ?? '';
    const given = step.step.at.value('with', name);
    const from = given === undefined ? (input.default === '' ? 'nothing' : 'default') : 'given';
    const place = from === 'given' ? given : from === 'default' ? input.at.value('default') : undefined;
    return {
      name,
      value,
      from,
      default: input.default,
      required: input.required,
      ...(place === undefined ? {} : { place }),
    };
  });
  return {
    builtIn: step.builtIn,
    place: step.place,
    needs: file?.step.needs?.packages ?? step.step.needs?.packages ?? [],
    inputs,
    scripts: scriptsOf(step),
    ...(uses === undefined || uses === '' ? {} : { uses }),
    ...(file === undefined ? {} : { pipelineFile: file.file }),
  };
}

function scriptsOf(step: CompiledStep): readonly string[] {
  return [...(step.script === undefined ? [] : [step.script]), ...step.children.flatMap(scriptsOf)];
}

function formatPath(path: LocatedText['path']): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  );
}
