import { appendFileSync } from 'node:fs';
import type { Stage } from '@melange2/progress';
import type { EventBus } from './event-bus.ts';

export interface StageOptions<T> {
  readonly architecture?: string;
  /** What came out, for people. */
  readonly detail?: (result: T) => string;
}

/** Runs the stages of a build, tells when each starts and ends, and writes them to the trace. */
export interface StageClock {
  run<T>(stage: Stage, options: StageOptions<T>, work: () => Promise<T> | T): Promise<T>;
}

/** `traceFile` gets one JSON line a stage: name, architecture, start and duration in milliseconds. */
export function stageClock(bus: EventBus, now: () => number, traceFile: string | undefined): StageClock {
  return {
    async run(stage, options, work) {
      const { architecture, detail } = options;
      const where = architecture === undefined ? {} : { architecture };
      const startedMs = now();
      const exact = performance.now();
      bus.emit({ type: 'stageStarted', stage, ...where });
      let outcome = 'failed';
      let said: string | undefined;
      try {
        const result = await work();
        outcome = 'done';
        said = detail?.(result);
        return result;
      } finally {
        bus.emit({
          type: 'stageFinished',
          stage,
          ...where,
          durationMs: performance.now() - exact,
          ...(said === undefined ? {} : { detail: said }),
        });
        if (traceFile !== undefined) {
          const durationMs = Math.round((performance.now() - exact) * 10) / 10;
          appendFileSync(
            traceFile,
            `${JSON.stringify({ stage, ...where, startedMs, durationMs, outcome })}\n`,
          );
        }
      }
    },
  };
}
