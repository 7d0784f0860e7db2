import type { Span } from '@melange2/diagnostics';
import type { PipelineStep } from './pipeline-step.ts';

/** Keys of one step that do not go together. */
export interface StepConflict {
  /** What is wrong and what to do, in whole sentences. */
  readonly problem: string;
  readonly span: Span | undefined;
}

/** Finds the keys that do not go together in steps and in those within them. */
export function* stepConflicts(steps: readonly PipelineStep[]): Generator<StepConflict> {
  for (const step of steps) {
    const uses = step.uses ?? '';
    const runs = step.runs ?? '';
    if (uses === '' && Object.keys(step.with).length > 0) {
      yield {
        problem: 'This step has "with" but no "uses". Add "uses" with the pipeline that takes these inputs.',
        span: step.at.key('with') ?? step.at.value(),
      };
    }
    if (uses !== '' && runs !== '') {
      yield {
        problem: `This step has both "uses: ${uses}" and "runs". Make two steps of it.`,
        span: step.at.key('runs') ?? step.at.value(),
      };
    }
    yield* stepConflicts(step.pipeline);
  }
}
