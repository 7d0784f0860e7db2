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

interface EventTap {
  readonly fn: (event: BuildEvent) => void;
}

/**
 * Makes the bus of one builder. A tap that fails is dropped: `dropped` is told once, the others have the event all the
 * same, and the build goes on.
 */
export function eventBus(
  hooks: BuildHooks,
  now: () => number,
  redactor: Redactor,
  dropped: (error: unknown) => void,
): EventBus {
  const broken = new Set<unknown>();
  return {
    emit(untimed) {
      const event = redacted({ ...untimed, atMs: untimed.atMs ?? now() }, redactor);
      const failures: unknown[] = [];
      // Not by `call`, which stops at the first failure.
      for (const tap of hooks.eventReceived.taps as unknown as readonly EventTap[]) {
        if (broken.has(tap)) continue;
        try {
          tap.fn(event);
        } catch (error) {
          broken.add(tap);
          failures.push(error);
        }
      }
      for (const error of failures) dropped(error);
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

function redacted(event: BuildEvent, redactor: Redactor): BuildEvent {
  switch (event.type) {
    case 'stepLog':
    case 'notice':
      return { ...event, text: redactor.redact(event.text) };
    case 'stepPlanned':
      return { ...event, name: redactor.redact(event.name) };
    case 'stepFinished':
      return event.error === undefined ? event : { ...event, error: redactor.redact(event.error) };
    case 'buildFinished':
      return event.failure === undefined
        ? event
        : { ...event, failure: { ...event.failure, message: redactor.redact(event.failure.message) } };
    case 'problemFound':
      return { ...event, problem: { ...event.problem, message: redactor.redact(event.problem.message) } };
    default:
      return event;
  }
}
