import type { SolveError } from '@melange2/buildkit-client';
import { buildError, type BuildError, type Span } from '@melange2/diagnostics';
import { failingLine, type PlannedStep } from '@melange2/pipeline';
import { formatBytes, formatDuration } from '@melange2/progress';
import { errors } from '../errors.ts';
import { isNothing, sourceDifference } from './source-difference.ts';
import { failureText, type KnownVertex, type StepTracker } from './step-tracker.ts';
import { type MissingThing, type Verdict, verdictOf } from './verdict.ts';

export interface StepFailureContext {
  /** Main package and architecture of the build, for failures that are no step's. */
  readonly package: string;
  readonly architecture: string;
  readonly known: ReadonlyMap<string, KnownVertex>;
  readonly tracker: StepTracker;
  /** The packages that have what the step lacked, best first. */
  readonly findPackages: (missing: MissingThing) => Promise<readonly string[]>;
  /** Bytes of memory that each step may use, where the daemon was told. */
  readonly memory?: number | bigint | undefined;
  /** The last lines of the step's trace, when it was traced. */
  readonly traced?: readonly string[] | undefined;
}

/** Names a failed solve: the step with its place and last lines, or what else the daemon could not do. */
export async function stepFailure(error: SolveError, context: StepFailureContext): Promise<BuildError> {
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
      { package: context.package, architecture, reason: `${where}${reason}${allowing(reason)}` },
      { cause: error },
    );
  }
  const tail = tracker.tail(digest);
  const step = reached(facts, facts.step, tracker.reached(digest));
  const differs = sourceDifference(step, text, tail);
  if (differs !== undefined) {
    const place = step.placeOfInput?.(`expected-${differs.kind}`);
    const span = place?.file === step.calledAt?.file ? place : step.calledAt;
    return buildError(
      errors,
      'BUILD_SOURCE_DIFFERS',
      { package: step.package, ...differs },
      { cause: error, ...(span === undefined ? {} : { span }) },
    );
  }
  if (facts.kind === 'source' && exitCode === undefined) {
    const source = step.inputs['uri'] ?? facts.name;
    const details = { package: step.package, source, reason: isNothing(text) ? 'nothing came' : reason };
    const span = step.placeOfInput?.('uri') ?? step.calledAt;
    return buildError(errors, 'BUILD_DOWNLOAD_FAILED', details, {
      cause: error,
      ...(span === undefined ? {} : { span }),
    });
  }
  const logFile = tracker.logFile(digest);
  const verdict = verdictOf(exitCode, [...tail, text]);
  const advice = verdict === undefined ? '' : await advise(verdict, context);
  const span = placeOf(step, tail, verdict);
  return buildError(
    errors,
    'BUILD_STEP_FAILED',
    {
      package: step.package,
      step: facts.steps === undefined ? facts.name : step.name,
      architecture,
      reason,
      reopens: facts.steps === undefined,
      tail: context.traced ?? tail,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(logFile === undefined ? {} : { logFile }),
      ...(verdict === undefined ? {} : { cause: verdict.cause, verdict: `${verdict.text}${advice}` }),
    },
    { cause: error, ...(span === undefined ? {} : { span }) },
  );
}

/** The failure of a step that was stopped because it ran too long. */
export function timedOutStep(
  vertex: string,
  facts: KnownVertex,
  limitMs: number,
  tracker: StepTracker,
): BuildError {
  const { step: only } = facts;
  const step = only === undefined ? undefined : reached(facts, only, tracker.reached(vertex));
  const logFile = tracker.logFile(vertex);
  const span = step?.calledAt ?? step?.place;
  return buildError(
    errors,
    'BUILD_STEP_TIMED_OUT',
    {
      package: step?.package ?? '',
      step: facts.steps === undefined ? facts.name : (step?.name ?? facts.name),
      limit: formatDuration(limitMs),
      tail: tracker.tail(vertex),
      cause: 'timeout',
      ...(logFile === undefined ? {} : { logFile }),
    },
    span === undefined ? {} : { span },
  );
}

const listedIn = 'environment.contents.packages';

/** What is to be done about it, where that can be said. */
async function advise(
  { cause, missing }: Verdict,
  { findPackages, memory }: StepFailureContext,
): Promise<string> {
  if (memory !== undefined && (cause === 'killed' || cause === 'memory'))
    return ` It may use ${formatBytes(Number(memory))}, as --memory or package.resources says.`;
  if (missing === undefined) return '';
  const [best, ...others] = await findPackages(missing);
  if (best === undefined) {
    const named = { command: 'cmd', module: 'pc', library: undefined, header: undefined }[missing.kind];
    return named === undefined
      ? ` Add its -dev package to ${listedIn}; none in the repositories is named like it.`
      : ` No package of the repositories provides ${named}:${missing.name}.`;
  }
  const or = others.length === 0 ? '' : `, or ${others.join(' or ')}`;
  const has = missing.kind === 'header' ? 'most likely has' : 'has';
  return ` The package ${best} ${has} it${or}: add it to ${listedIn}.`;
}

/** The line that failed, where it can be known, else the step. */
function placeOf(step: PlannedStep, tail: readonly string[], verdict: Verdict | undefined): Span | undefined {
  // In a pipeline file the line says little to those who use it: they are shown where they do.
  if (step.uses.length > 0) return step.calledAt ?? step.place;
  return failingLine(step, tail) ?? lineOfCommand(step, verdict?.missing) ?? step.place ?? step.calledAt;
}

/** The only line of a script that has the command which is missing. */
function lineOfCommand(step: PlannedStep, missing: MissingThing | undefined): Span | undefined {
  if (missing?.kind !== 'command') return undefined;
  const lines = step.script.split('\n');
  const word = new RegExp(`(?:^|[\\s;&|(\`])${missing.name.replaceAll(/[.+]/g, '\\$&')}(?:$|[\\s;&|)\`])`);
  const found = lines.flatMap((line, i) => (word.test(line) ? [i + 1] : []));
  return found.length === 1 ? step.placeOfLine?.(found[0] ?? 1) : undefined;
}

/** The step that was running, of a vertex that may run several. */
function reached({ steps }: KnownVertex, only: PlannedStep, number: number): PlannedStep {
  return steps?.[number] ?? only;
}

/** How a daemon is told to allow what it refused; nothing where it refused nothing. */
function allowing(reason: string): string {
  const right = /entitlement (network\.host|security\.insecure) is not allowed/.exec(reason)?.[1];
  return right === undefined
    ? ''
    : `. To allow it, start buildkitd with "--allow-insecure-entitlement ${right}", or put {"builder": {"entitlements": {"${right.replace('.', '-')}": true}}} into Docker's daemon.json`;
}
