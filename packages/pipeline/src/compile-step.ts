import type { Span } from '@melange2/diagnostics';
import type { PipelineStep } from '@melange2/config';
import { bindInputs } from './bind-inputs.ts';
import type { CompiledStep } from './compiled-package.ts';
import { expandUses } from './expand-uses.ts';
import { reduceWith } from './reduce-with.ts';
import type { CompileContext, StepDraft, StepPass, StepScope } from './step-draft.ts';
import { normaliseRuns, readCondition, scriptOrigin, substituteStep } from './substitute-step.ts';

const compileChildren: StepPass = (draft, context) => {
  const { step, scope, definition } = draft;
  if (draft.failed || step.pipeline.length === 0) return draft;
  const inner: StepScope = {
    variables: draft.variables,
    uses: step.uses === undefined ? scope.uses : [...scope.uses, step.uses],
    inputs: step.uses === undefined ? scope.inputs : draft.inputs,
    placeOfInput: placeOfInput(draft),
    builtIn: definition?.builtIn ?? scope.builtIn,
    nested: true,
    depth: scope.depth + 1,
    workingDirectory: step.workingDirectory,
    calledAt:
      scope.calledAt ??
      (definition === undefined
        ? undefined
        : () => draft.written.at.value('uses') ?? draft.written.at.value()),
  };
  const children = step.pipeline.map((child) => compileStep(child, inner, context));
  return { ...draft, children, step: { ...step, pipeline: children.map((child) => child.step) } };
};

function placeOfInput({ step, scope, written }: StepDraft): StepScope['placeOfInput'] {
  return step.uses === undefined ? scope.placeOfInput : (name) => written.at.value('with', name);
}

/** What happens to a step, in this order. */
const passes: readonly StepPass[] = [
  expandUses,
  bindInputs,
  substituteStep,
  normaliseRuns,
  readCondition,
  compileChildren,
  reduceWith,
];

/** Compiles one step and all below it. */
export function compileStep(written: PipelineStep, scope: StepScope, context: CompileContext): CompiledStep {
  let draft: StepDraft = {
    written,
    definition: undefined,
    step: written,
    scope,
    variables: scope.variables,
    inputs: {},
    script: undefined,
    condition: undefined,
    children: [],
    failed: false,
  };
  if (context.admit(scope.depth, () => written.at.value())) {
    for (const pass of passes) draft = pass(draft, context);
  }
  const done = draft;
  const { step } = done;
  return {
    step,
    uses: step.uses === undefined ? scope.uses : [...scope.uses, step.uses],
    inputs: step.uses === undefined ? scope.inputs : done.inputs,
    placeOfInput: placeOfInput(done),
    builtIn: done.definition?.builtIn ?? scope.builtIn,
    script: done.script,
    scriptOrigin: () => scriptOrigin(done),
    condition: done.condition,
    children: done.children,
    get place(): Span | undefined {
      return written.at.value();
    },
    get calledAt(): Span | undefined {
      return scope.calledAt === undefined ? written.at.value() : scope.calledAt();
    },
  };
}
