import type { Redactor } from '@melange2/diagnostics';
import type { BuildHooks } from '@melange2/plugin-api';
import type { BuildEvent } from '@melange2/progress';

/** An event before it has its time. */
export type UntimedEvent = BuildEvent extends infer E
  ? E extends BuildEvent
    ? Omit<E, 'atMs'> & { atMs?: number }
    : never
  : never;

/** Tells events to whoever taps `eventReceived`, with their time, without secrets. */
export interface EventBus {
  emit(event: UntimedEvent): void;
}

/**
 * Makes the bus of one builder. A tap that fails is dropped: `dropped` is told once, and the build goes on.
 */
export function eventBus(
  hooks: BuildHooks,
  now: () => number,
  redactor: Redactor,
  dropped: (error: unknown) => void,
): EventBus {
  let broken = false;
  return {
    emit(untimed) {
      if (broken) return;
      const event = redacted({ ...untimed, atMs: untimed.atMs ?? now() }, redactor);
      try {
        hooks.eventReceived.call(event);
      } catch (error) {
        const plugin = pluginOf(error);
        const { taps } = hooks.eventReceived;
        const at = taps.findIndex((tap) => tap.name === plugin);
        // Without a name nobody can be dropped, and the next event would fail again.
        if (at < 0) broken = true;
        else {
          taps.splice(at, 1);
          // tapable compiles its taps into a function once; an interceptor resets that.
          hooks.eventReceived.intercept({});
        }
        dropped(error);
      }
    },
  };
}

/** Has renderers leave the terminal alone for as long as `use` takes. */
export async function whilePaused<T>(bus: EventBus, use: () => Promise<T>): Promise<T> {
  bus.emit({ type: 'buildPaused' });
  try {
    return await use();
  } finally {
    bus.emit({ type: 'buildResumed' });
  }
}

function pluginOf(error: unknown): string | undefined {
  const details = (error as { details?: unknown } | undefined)?.details;
  return (details as { plugin?: string } | undefined)?.plugin;
}

function redacted(event: BuildEvent, redactor: Redactor): BuildEvent {
  switch (event.type) {
    case 'stepLog':
    case 'notice':
      return { ...event, text: redactor.redact(event.text) };
    case 'stepPlanned':
      return { ...event, name: redactor.redact(event.name) };
    case 'stepFinished':
      return event.error === undefined ? event : { ...event, error: redactor.redact(event.error) };
    case 'problemFound':
      return { ...event, problem: { ...event.problem, message: redactor.redact(event.problem.message) } };
    default:
      return event;
  }
}
