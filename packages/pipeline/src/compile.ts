import { diagnostic, hasErrors, sortDiagnostics, type Diagnostic, type Parsed } from '@melange2/diagnostics';
import {
  architecture,
  buildVariables,
  holds,
  parseCondition,
  substituteCondition,
  type Libc,
  type PackageConfig,
  type PipelineStep,
  type ReferenceProblem,
  type Subpackage,
  type Test,
  type Variables,
} from '@melange2/config';
import { compileStep } from './compile-step.ts';
import type { CompiledPackage, CompiledStep, CompiledSubpackage, CompiledTest } from './compiled-package.ts';
import { errors } from './errors.ts';
import { gatherNeeds, placeOfPackage, withoutNeeds } from './gather-needs.ts';
import type { PipelineDefinition, PipelineLibrary } from './pipeline-library.ts';
import { reportSubstitution } from './report-substitution.ts';
import type { CompileContext, NormaliseScript } from './step-draft.ts';

export interface CompileOptions {
  /** The architecture to build for, in any spelling: `x86_64`, `amd64`. */
  readonly architecture: string;
  /** Where `uses` is looked up; share one among build files with the same pipeline folders. */
  readonly library: PipelineLibrary;
  /** The libc flavor in triplets. Default `gnu`. */
  readonly libc?: Libc;
  /** Names of the enabled build options. */
  readonly buildOptions?: readonly string[];
  /** Checks scripts and prints them anew. Without it they stay as they are written. */
  readonly normaliseScript?: NormaliseScript | undefined;
}

/**
 * Compiles a build file for one architecture and reports every problem in it and in the pipeline files it uses.
 *
 * Pure: what it reads comes through the library. There is a value only when there are no errors.
 *
 * @see reference behaviour of `melange compile`, with these differences: docs/compat/compile.md
 */
export function compile(config: PackageConfig, options: CompileOptions): Parsed<CompiledPackage> {
  const diagnostics: Diagnostic[] = [];
  const used = new Map<string, PipelineDefinition>();
  let suggestions = 0;
  const { apk } = architecture(options.architecture);
  const variables = buildVariables(config, {
    arch: apk,
    libc: options.libc ?? 'gnu',
    options: options.buildOptions ?? [],
  });
  const context: CompileContext = {
    library: options.library,
    normaliseScript: options.normaliseScript,
    report: (problem) => diagnostics.push(problem),
    used: (definition) => {
      if (!used.has(definition.name)) for (const problem of definition.warnings) diagnostics.push(problem);
      used.set(definition.name, definition);
    },
    admit: limits((problem) => diagnostics.push(problem)),
    // A name is looked for among all others: that is for the first few problems, not for thousands.
    names: () => (suggestions++ < 20 ? [...variables.main.keys(), ...subpackageNames] : []),
  };
  for (const problem of variables.problems) reportVariable(problem, config, context);

  const needs: string[] = [];
  const steps = compileSteps(config.pipeline, variables.main, context);
  gatherNeeds(steps, needs);
  const subpackages = config.subpackages.map((sub) => {
    const compiled = compileSubpackage(sub, variables.subpackage(sub.name), context);
    gatherNeeds(compiled.steps, needs);
    return compiled;
  });
  const test = compileTest(config.test, config.package.name, variables.main, context);
  if (hasErrors(diagnostics)) return { diagnostics: sortDiagnostics(unique(diagnostics)) };

  const packages = [...config.environment.contents.packages, ...needs];
  const value: CompiledPackage = {
    architecture: apk,
    config: printed(config, packages, steps, subpackages, test),
    steps,
    subpackages,
    test,
    packages,
    placeOfPackage: placeOfPackage(config.environment.contents, [
      ...steps,
      ...subpackages.flatMap((sub) => sub.steps),
    ]),
    builtIns: [...used.values()]
      .filter((d) => d.builtIn)
      .map((d) => d.name)
      .toSorted(),
    sources: new Map([...used.values()].map((d) => [d.file, d.text])),
  };
  return { value, diagnostics: sortDiagnostics(unique(diagnostics)) };
}

const maxSteps = 100_000;
const maxDepth = 500;

/** Ends what would never end: pipelines that use others twice and twice again, or steps in steps in steps. */
function limits(report: (problem: Diagnostic) => void): CompileContext['admit'] {
  let steps = 0;
  let told = false;
  return (depth, place) => {
    steps++;
    if (steps <= maxSteps && depth <= maxDepth) return true;
    if (!told) {
      told = true;
      const span = place();
      const details =
        depth > maxDepth
          ? { what: 'steps lie deeper in each other than', limit: String(maxDepth) }
          : { what: 'there are more steps than', limit: maxSteps.toLocaleString('en') };
      report(diagnostic(errors, 'PIPELINE_LIMIT', details, span === undefined ? {} : { span }));
    }
    return false;
  };
}

/** Variables that only the pipelines of subpackages have. */
const subpackageNames = ['subpkg.name', 'targets.subpkgdir'];

/** Whether the build file is meant for an architecture (its apk name), by `target-architecture`. */
export function buildsFor(config: PackageConfig, apkArchitecture: string): boolean {
  const { targetArchitecture: only } = config.package;
  return only.length === 0 || (only.length === 1 && only[0] === 'all') || only.includes(apkArchitecture);
}

function compileSteps(
  steps: readonly PipelineStep[],
  variables: Variables,
  context: CompileContext,
): readonly CompiledStep[] {
  const scope = {
    variables,
    uses: [],
    inputs: {},
    placeOfInput: undefined,
    builtIn: false,
    nested: false,
    depth: 0,
    workingDirectory: undefined,
    calledAt: undefined,
  };
  return steps.map((step) => compileStep(step, scope, context));
}

function compileSubpackage(
  sub: Subpackage,
  variables: Variables,
  context: CompileContext,
): CompiledSubpackage {
  return {
    name: sub.name,
    enabled: subpackageEnabled(sub, variables, context),
    steps: compileSteps(sub.pipeline, variables, context),
    test: compileTest(sub.test, sub.name, variables, context),
  };
}

function subpackageEnabled(sub: Subpackage, variables: Variables, context: CompileContext): boolean {
  if (sub.if === '') return true;
  const result = substituteCondition(sub.if, variables);
  if (result.problems.length > 0) {
    const origin = sub.at.origin('if');
    reportSubstitution(result.problems, sub.if, (start, end) => origin?.span(start, end), context);
    return true;
  }
  const { condition, problem } = parseCondition(result.text);
  if (problem === undefined) return holds(condition, variables);
  // The reader of build files has told of those in them; what a program made stands in no file.
  if (sub.at.value('if') === undefined) {
    const details = { condition: result.text, problem: problem.message };
    context.report(diagnostic(errors, 'PIPELINE_CONDITION_INVALID', details));
  }
  return true;
}

/** A test gets the package it is about besides what it asks for and what its steps need, sorted, each once. */
function compileTest(
  test: Test | undefined,
  subject: string,
  variables: Variables,
  context: CompileContext,
): CompiledTest | undefined {
  if (test === undefined) return undefined;
  const steps = compileSteps(test.pipeline, variables, context);
  const needs: string[] = [subject];
  gatherNeeds(steps, needs);
  const packages = [...new Set([...test.environment.contents.packages, ...needs])].toSorted();
  return {
    steps,
    environment: withPackages(test.environment, packages),
    placeOfPackage: placeOfPackage(test.environment.contents, steps),
  };
}

function printed(
  config: PackageConfig,
  packages: readonly string[],
  steps: readonly CompiledStep[],
  subpackages: readonly CompiledSubpackage[],
  test: CompiledTest | undefined,
): PackageConfig {
  return {
    ...config,
    environment: withPackages(config.environment, packages),
    pipeline: steps.map(withoutNeeds),
    subpackages: config.subpackages.map((sub, i): Subpackage => {
      const compiled = subpackages[i];
      if (compiled === undefined) return sub;
      return {
        ...sub,
        pipeline: compiled.steps.map(withoutNeeds),
        test: printedTest(sub.test, compiled.test),
      };
    }),
    test: printedTest(config.test, test),
  };
}

function printedTest(test: Test | undefined, compiled: CompiledTest | undefined): Test | undefined {
  if (test === undefined || compiled === undefined) return test;
  return {
    ...test,
    environment: compiled.environment,
    pipeline: compiled.steps.map(withoutNeeds),
  };
}

function withPackages(
  environment: PackageConfig['environment'],
  packages: readonly string[],
): PackageConfig['environment'] {
  return { ...environment, contents: { ...environment.contents, packages } };
}

function reportVariable(
  { path, problem }: ReferenceProblem,
  { at }: PackageConfig,
  context: CompileContext,
): void {
  const origin = at.origin(...path);
  reportSubstitution([problem], origin?.text ?? '', (start, end) => origin?.span(start, end), context);
}

/** The configuration of what is built: the compiled one without the subpackages whose `if` does not hold. */
export function builtConfig(compiled: CompiledPackage): PackageConfig {
  const { config } = compiled;
  if (compiled.subpackages.every((sub) => sub.enabled)) return config;
  return {
    ...config,
    subpackages: config.subpackages.filter((_, i) => compiled.subpackages[i]?.enabled === true),
  };
}

/** One place in a pipeline file is reported once, however often the file is used. */
function unique(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const seen = new Set<string>();
  return diagnostics.filter(({ code, message, span }) => {
    if (span === undefined) return true;
    const key = `${code} ${span.file} ${span.start.offset} ${span.end.offset} ${message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
