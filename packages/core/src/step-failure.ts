import type { SolveError } from '@melange2/buildkit-client';
import { buildError, type BuildError, type Span } from '@melange2/diagnostics';
import { failingLine, type PlannedStep } from '@melange2/pipeline';
import { errors } from './errors.ts';
import { failureText, type KnownVertex, type StepTracker } from './step-tracker.ts';
import { verdictOf } from './verdict.ts';

export interface StepFailureContext {
  /** Main package and architecture of the build, for failures that are no step's. */
  readonly package: string;
  readonly architecture: string;
  readonly known: ReadonlyMap<string, KnownVertex>;
  readonly tracker: StepTracker;
}

/** Names a failed solve: the step with its place and last lines, or what else the daemon could not do. */
export function stepFailure(error: SolveError, context: StepFailureContext): BuildError {
  const { known, tracker, architecture } = context;
  const { vertex, exitCode, text } = error.details;
  const digest = vertex?.digest;
  const facts = digest === undefined ? undefined : known.get(digest);
  const reason = failureText(text);
  if (digest === undefined || facts?.step === undefined) {
    const where = facts === undefined ? '' : `${facts.name}: `;
    return buildError(
      errors,
      'BUILD_SOLVE_FAILED',
      { package: context.package, architecture, reason: `${where}${reason}` },
      { cause: error },
    );
  }
  const tail = tracker.tail(digest);
  const step = reached(facts, facts.step, tail);
  const logFile = tracker.logFile(digest);
  const verdict = verdictOf(exitCode, tail);
  // In a pipeline file the line says little to those who use it: they are shown where they do.
  const span: Span | undefined =
    step.uses.length === 0
      ? (failingLine(step, tail) ?? step.place ?? step.calledAt)
      : (step.calledAt ?? step.place);
  return buildError(
    errors,
    'BUILD_STEP_FAILED',
    {
      package: step.package,
      step: facts.steps === undefined ? facts.name : step.name,
      architecture,
      reason,
      tail,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(logFile === undefined ? {} : { logFile }),
      ...(verdict === undefined ? {} : { verdict }),
    },
    { cause: error, ...(span === undefined ? {} : { span }) },
  );
}

/** The step that was running, of a vertex that runs several: the last one it announced. */
function reached({ steps }: KnownVertex, only: PlannedStep, tail: readonly string[]): PlannedStep {
  const line = tail.findLast((text) => /^==> \d+\/\d+ /.test(text));
  const number = Number(/^==> (\d+)/.exec(line ?? '')?.[1] ?? 1);
  return steps?.[number - 1] ?? only;
}
