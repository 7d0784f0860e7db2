import type { StatusEvent } from '@melange2/buildkit-client';
import type { PlannedStep } from '@melange2/pipeline';
import type { ArchitectureBuild } from '../architecture-build.ts';
import { timedOutStep } from './step-failure.ts';
import type { KnownVertex, StepTracker } from './step-tracker.ts';

/** Stops a solve when one of its steps runs longer than it may. */
export interface StepLimits {
  /** Aborted with BUILD_STEP_TIMED_OUT. */
  readonly signal: AbortSignal;
  receive(event: StatusEvent): void;
  /** Ends all clocks. */
  close(): void;
}

/**
 * Watches the steps of one solve. Their time starts when the daemon says that they run; that of a step of a test when
 * it is announced.
 */
export function stepLimits(
  { request }: Pick<ArchitectureBuild, 'request'>,
  known: ReadonlyMap<string, KnownVertex>,
  tracker: StepTracker,
): StepLimits {
  const { stepTimeoutMs, stepTimeoutsMs = {} } = request;
  const limitOf = ({ name }: PlannedStep): number | undefined => stepTimeoutsMs[name] ?? stepTimeoutMs;
  const stop = new AbortController();
  const clocks = new Map<
    string,
    { readonly timer: NodeJS.Timeout | undefined; readonly of: readonly PlannedStep[] }
  >();
  const end = (vertex: string): void => {
    clearTimeout(clocks.get(vertex)?.timer);
    clocks.delete(vertex);
  };
  const begin = (vertex: string, facts: KnownVertex, of: readonly PlannedStep[]): void => {
    end(vertex);
    const limits = of.map(limitOf);
    const limitMs = limits.reduce(
      (sum, ms) => (sum === undefined || ms === undefined ? undefined : sum + ms),
      0,
    );
    const fire = (): void => stop.abort(timedOutStep(vertex, facts, limitMs ?? 0, tracker));
    clocks.set(vertex, { of, timer: limitMs === undefined ? undefined : setTimeout(fire, limitMs) });
  };
  return {
    signal: stop.signal,
    receive(event) {
      if (event.type === 'vertexCompleted') end(event.vertex);
      if (event.type !== 'vertexStarted' && event.type !== 'vertexLog') return;
      const { vertex } = event;
      const facts = known.get(vertex);
      if (facts?.step === undefined || facts.kind !== 'command') return;
      if (event.type === 'vertexStarted')
        return begin(vertex, facts, facts.steps?.slice(0, 1) ?? [facts.step]);
      const before = clocks.get(vertex)?.of;
      if (facts.steps === undefined || before === undefined) return;
      // Where the daemon leaves out what is printed, nobody sees which step runs: those that are left have their time
      // together.
      const from = tracker.reached(vertex);
      const of = facts.steps.slice(from, tracker.isClipped(vertex) ? undefined : from + 1);
      if (before.length !== of.length || before[0] !== of[0]) begin(vertex, facts, of);
    },
    close() {
      for (const vertex of clocks.keys()) end(vertex);
    },
  };
}

/** Warns of names that were given for steps which there are not. */
export function tellUnknownSteps(
  { request, bus, architecture }: Pick<ArchitectureBuild, 'request' | 'bus' | 'architecture'>,
  steps: readonly PlannedStep[],
): void {
  const given = { '--step-timeout': request.stepTimeoutsMs, '--network': request.stepNetworks };
  const has = steps.map(({ name }) => `"${name}"`).join(', ');
  for (const [flag, byName = {}] of Object.entries(given)) {
    for (const name of Object.keys(byName).filter((wanted) => steps.every((s) => s.name !== wanted))) {
      const text = `${flag} names a step "${name}", which this build does not have; it has ${has}`;
      bus.emit({ type: 'notice', level: 'warning', text, architecture });
    }
  }
}
