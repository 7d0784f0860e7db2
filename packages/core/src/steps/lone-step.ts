import { lower, type LoweredStep, type PlannedStep } from '@melange2/pipeline';
import type { PlannedGraph } from '../plan-graph.ts';

/** How a step is run by itself, on what the steps before it left. */
export interface LoneRun {
  /** Prints each command before it runs. */
  readonly trace?: boolean;
}

/**
 * A step of a plan as the last of a graph, with its failure let pass: its state and its output are results of their
 * own, and what comes before it has the same bytes as in the whole graph, so that a daemon that has it takes it from
 * its cache.
 */
export function loneStep(graph: PlannedGraph, step: PlannedStep, run: LoneRun = {}): LoweredStep {
  const tolerant = { ...step, script: tolerating(step.script, run.trace ?? false) };
  return loweredStep(graph, step, tolerant);
}

/** A step of a plan as it is in the whole graph. */
export function loweredStep(
  { plan, lowerOptions }: PlannedGraph,
  step: PlannedStep,
  instead: PlannedStep = step,
): LoweredStep {
  const at = plan.steps.indexOf(step);
  // The whole plan is lowered, since the workspace has folders for what all of its steps mount.
  const found = lower({ ...plan, steps: plan.steps.with(at, instead) }, lowerOptions).steps[at];
  if (found === undefined) throw new Error(`the plan has no step ${step.id}`);
  return found;
}

function tolerating(script: string, trace: boolean): string {
  const quoted = `'${`${script}\nexit 0\n`.replaceAll("'", `'"'"'`)}'`;
  // Where the shell can, its trace does not go where the script sends its errors: `out=$(f 2>&1)` stays what it is.
  const run = trace ? `BASH_XTRACEFD=9 /bin/sh -ex "$@" -c ${quoted} 9>&2` : `/bin/sh -e "$@" -c ${quoted}`;
  return `if /bin/sh -o pipefail -c : 2>/dev/null; then set -- -o pipefail; else set --; fi
${run} || echo "the step failed with exit code $?, as before"`;
}
