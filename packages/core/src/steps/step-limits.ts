import type { StatusEvent } from '@melange2/buildkit-client';
import type { BuildPlan } from '@melange2/pipeline';
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

/** Watches the steps of one solve. Their time starts when the daemon says that they run. */
export function stepLimits(
  { request, architecture, bus }: ArchitectureBuild,
  plan: BuildPlan,
  known: ReadonlyMap<string, KnownVertex>,
  tracker: StepTracker,
): StepLimits {
  const { stepTimeoutMs, stepTimeoutsMs = {} } = request;
  tellUnknownSteps(Object.keys(stepTimeoutsMs), plan, '--step-timeout', { bus, architecture });
  const stop = new AbortController();
  const clocks = new Map<string, NodeJS.Timeout>();
  const end = (vertex: string): void => {
    clearTimeout(clocks.get(vertex));
    clocks.delete(vertex);
  };
  return {
    signal: stop.signal,
    receive(event) {
      if (event.type === 'vertexCompleted') end(event.vertex);
      if (event.type !== 'vertexStarted') return;
      const facts = known.get(event.vertex);
      const limitMs = stepTimeoutsMs[facts?.step?.name ?? ''] ?? stepTimeoutMs;
      if (facts?.step === undefined || facts.kind !== 'command' || limitMs === undefined) return;
      end(event.vertex);
      const fire = (): void => stop.abort(timedOutStep(event.vertex, facts, limitMs, tracker));
      clocks.set(event.vertex, setTimeout(fire, limitMs));
    },
    close() {
      for (const vertex of clocks.keys()) end(vertex);
    },
  };
}

/** Warns of names that were given for steps which the plan does not have. */
export function tellUnknownSteps(
  names: readonly string[],
  { steps }: BuildPlan,
  flag: string,
  { bus, architecture }: Pick<ArchitectureBuild, 'bus' | 'architecture'>,
): void {
  for (const name of names.filter((wanted) => steps.every((step) => step.name !== wanted))) {
    const text = `${flag} names a step "${name}", which this build does not have; it has ${steps.map((s) => `"${s.name}"`).join(', ')}`;
    bus.emit({ type: 'notice', level: 'warning', text, architecture });
  }
}
