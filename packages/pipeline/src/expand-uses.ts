import { diagnostic } from '@melange2/diagnostics';
import type { PipelineStep } from '@melange2/config';
import { errors } from './errors.ts';
import type { StepPass } from './step-draft.ts';

/**
 * Looks up the pipeline file of `uses` and lays it over the step: what the file has wins, maps are joined, and
 * `with` and `name` stay the step's own. A step that has children already is left alone: it was compiled before.
 */
export const expandUses: StepPass = (draft, context) => {
  const { step, scope } = draft;
  if (step.uses === undefined || step.uses === '' || step.pipeline.length > 0) return draft;
  const place = step.at.value('uses');
  if (scope.uses.includes(step.uses)) {
    const chain = [...scope.uses.slice(scope.uses.indexOf(step.uses)), step.uses];
    context.report(
      diagnostic(errors, 'PIPELINE_CYCLE', { chain }, place === undefined ? {} : { span: place }),
    );
    return { ...draft, failed: true };
  }
  const found = context.library.find(step.uses, place);
  if (!('step' in found)) {
    for (const problem of found) context.report(problem);
    return { ...draft, failed: true };
  }
  context.used(found);
  return { ...draft, definition: found, step: layOver(step, found.step) };
};

function layOver(step: PipelineStep, file: PipelineStep): PipelineStep {
  return {
    ...step,
    if: file.if ?? step.if,
    uses: file.uses ?? step.uses,
    runs: file.runs ?? step.runs,
    pipeline: file.pipeline,
    inputs: { ...step.inputs, ...file.inputs },
    // Of the keys that hold a block, one without a value takes away what the step has.
    needs: file.needs ?? (has(file, 'needs') ? undefined : step.needs),
    label: file.label ?? step.label,
    assertions: file.assertions ?? (has(file, 'assertions') ? undefined : step.assertions),
    workingDirectory: file.workingDirectory ?? step.workingDirectory,
    environment: { ...step.environment, ...file.environment },
  };
}

function has(step: PipelineStep, key: string): boolean {
  return step.at.key(key) !== undefined;
}
