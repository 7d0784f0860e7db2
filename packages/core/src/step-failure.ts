import type { SolveError } from '@melange2/buildkit-client';
import { buildError, type BuildError, type Span } from '@melange2/diagnostics';
import { failingLine, type BuildPlan } from '@melange2/pipeline';
import { errors } from './errors.ts';
import { failureText, type KnownVertex, type StepTracker } from './step-tracker.ts';
import { verdictOf } from './verdict.ts';

export interface StepFailureContext {
  readonly plan: BuildPlan;
  readonly known: ReadonlyMap<string, KnownVertex>;
  readonly tracker: StepTracker;
}

/** Names a failed solve: the step with its place and last lines, or what else the daemon could not do. */
export function stepFailure(error: SolveError, { plan, known, tracker }: StepFailureContext): BuildError {
  const { vertex, exitCode, text } = error.details;
  const digest = vertex?.digest;
  const facts = digest === undefined ? undefined : known.get(digest);
  const reason = failureText(text);
  if (digest === undefined || facts?.step === undefined) {
    const where = facts === undefined ? '' : `${facts.name}: `;
    const { package: name, architecture } = plan;
    return buildError(
      errors,
      'BUILD_SOLVE_FAILED',
      { package: name, architecture, reason: `${where}${reason}` },
      { cause: error },
    );
  }
  const tail = tracker.tail(digest);
  const logFile = tracker.logFile(digest);
  const verdict = verdictOf(exitCode, tail);
  const { step } = facts;
  // In a pipeline file the line says little to those who use it: they are shown where they do.
  const span: Span | undefined =
    step.uses.length === 0
      ? (failingLine(step, tail) ?? step.place ?? step.calledAt)
      : (step.calledAt ?? step.place);
  return buildError(
    errors,
    'BUILD_STEP_FAILED',
    {
      package: facts.step.package,
      step: facts.name,
      architecture: plan.architecture,
      reason,
      tail,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(logFile === undefined ? {} : { logFile }),
      ...(verdict === undefined ? {} : { verdict }),
    },
    { cause: error, ...(span === undefined ? {} : { span }) },
  );
}
