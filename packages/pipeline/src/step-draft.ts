import type { Diagnostic, Span } from '@melange2/diagnostics';
import type { Condition, PipelineStep, Places, Variables } from '@melange2/config';
import type { CompiledStep } from './compiled-package.ts';
import type { PipelineDefinition, PipelineLibrary } from './pipeline-library.ts';

/** Checks a script and prints it in one style, without comments; or tells what is wrong at which offset. */
export type NormaliseScript = (
  script: string,
) => { readonly text: string } | { readonly problem: string; readonly offset: number };

/** What holds for all steps of one compilation. */
export interface CompileContext {
  readonly library: PipelineLibrary;
  readonly normaliseScript: NormaliseScript | undefined;
  readonly report: (problem: Diagnostic) => void;
  /** Counts a step, at this depth; false when there are too many of them, or it lies too deep. */
  readonly admit: (depth: number, place: () => Span | undefined) => boolean;
  /** Names of variables that there are, for suggestions. */
  readonly names: () => Iterable<string>;
  /** Called for each pipeline file that is used. */
  readonly used: (definition: PipelineDefinition) => void;
}

/** What a step sees of those around it. */
export interface StepScope {
  /** The variables of the package, with the inputs of the pipelines around the step on top. */
  readonly variables: Variables;
  /** The pipelines around the step, outermost first. */
  readonly uses: readonly string[];
  /** The inputs of the innermost of {@link uses}. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Where the value of one of {@link inputs} is written. */
  readonly placeOfInput: ((name: string) => Span | undefined) | undefined;
  readonly builtIn: boolean;
  readonly nested: boolean;
  /** How many steps are around it. */
  readonly depth: number;
  readonly workingDirectory: string | undefined;
  /** The step of the build file that led here; `undefined` for its own steps. */
  readonly calledAt: (() => Span | undefined) | undefined;
}

/** A step on its way through the passes. */
export interface StepDraft {
  /** As its file has it. */
  readonly written: PipelineStep;
  /** The pipeline file of its `uses`, once looked up. */
  readonly definition: PipelineDefinition | undefined;
  /** What the passes so far made of it. */
  readonly step: PipelineStep;
  readonly scope: StepScope;
  readonly variables: Variables;
  /** Values of its declared inputs, resolved. */
  readonly inputs: Readonly<Record<string, string>>;
  /** The script before it was printed anew. */
  readonly script: string | undefined;
  readonly condition: Condition | undefined;
  readonly children: readonly CompiledStep[];
  /** Set when a pass met a problem after which others would only be echoes. */
  readonly failed: boolean;
}

/** One pass: takes a draft to the next. It edits nothing, and reports what it finds wrong. */
export type StepPass = (draft: StepDraft, context: CompileContext) => StepDraft;

/** The places to look `key` up in: those of the pipeline file if it has the key, else those of the step. */
export function placesOf(draft: StepDraft, key: string): Places {
  const at = draft.definition?.step.at;
  return at?.key(key) === undefined ? draft.written.at : at;
}
