import type { BuildEvent, StepFinished } from './build-event.ts';
import type { BuildView, StepView } from './build-view.ts';

/** Looks at sources and layers that took less are not worth a line, in milliseconds. */
const briefMs = 100;

/**
 * Makes a function that tells which steps an event ends for good, as renderers show them: given each event and the view
 * with it folded in, in their order.
 *
 * A command ends when it is finished; that it is cached is told once, though some daemons look a step up several
 * times. What is done for commands (environment, sources) begins and ends again and again while the daemon takes it
 * apart: it is told before the first command of its architecture, or with the end of the build, steps of one name
 * together, with the time that all of them took. A failure is told at once. Steps of the kind `internal` are told only
 * when they fail.
 */
export function stepEnds(): (view: BuildView, event: BuildEvent) => readonly StepView[] {
  const told = new Set<string>();
  const held = new Map<string, StepView>();

  const release = (architecture?: string): StepView[] => {
    const released = [...held].filter(
      ([, step]) => architecture === undefined || step.architecture === architecture,
    );
    for (const [key] of released) held.delete(key);
    return released.map(([, step]) => step).filter(({ durationMs = 0 }) => durationMs >= briefMs);
  };

  const finish = (step: StepView, { cached, durationMs, error }: StepFinished): readonly StepView[] => {
    if (error !== undefined) return [step];
    if (step.kind === 'internal') return [];
    if (step.kind === 'command') {
      if (cached && told.has(step.id)) return [];
      told.add(step.id);
      return [step];
    }
    const key = JSON.stringify([step.architecture, step.name]);
    const before = held.get(key)?.durationMs ?? 0;
    // The last look may have found what an earlier one made.
    held.set(key, { ...step, status: 'completed', durationMs: before + durationMs });
    return [];
  };

  return (view, event) => {
    switch (event.type) {
      case 'stepStarted': {
        const step = view.steps.get(event.step);
        return step?.kind === 'command' ? release(step.architecture) : [];
      }
      case 'stepFinished': {
        const step = view.steps.get(event.step);
        return step === undefined ? [] : finish(step, event);
      }
      case 'buildFinished':
        return release();
      default:
        return [];
    }
  };
}
