import type { StatusEvent } from '@melange2/buildkit-client';
import { isBuildError } from '@melange2/diagnostics';
import type { PlannedStep } from '@melange2/pipeline';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { stepLimits } from './step-limits.ts';
import { type KnownVertex, stepTracker } from './step-tracker.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const names = ['One', 'Two', 'Three'];
const steps = names.map((name): Partial<PlannedStep> => ({ name, package: 'a' })) as PlannedStep[];
const [first] = steps;
const facts: KnownVertex = { name: 'test', kind: 'command', ...(first && { step: first }), steps };

/** A test that runs, with what it may take; each word is a line that it prints, each number milliseconds that pass. */
function stopped(
  limits: { all?: number; steps?: Record<string, number> },
  happens: (string | number)[],
): string | undefined {
  const known = new Map([['v', facts]]);
  const tracker = stepTracker({
    bus: { emit: () => {} },
    architecture: 'x86_64',
    known,
    logFile: () => 'log',
  });
  const request = {
    stepTimeoutsMs: limits.steps ?? {},
    ...(limits.all === undefined ? {} : { stepTimeoutMs: limits.all }),
  };
  const watch = stepLimits({ request } as Parameters<typeof stepLimits>[0], known, tracker);
  const receive = (event: StatusEvent): void => {
    tracker.receive(event);
    watch.receive(event);
  };
  receive({ type: 'vertexAdded', vertex: 'v', name: 'v', inputs: [] });
  receive({ type: 'vertexStarted', vertex: 'v', startedMs: 0 });
  for (const one of happens) {
    if (typeof one === 'number') vi.advanceTimersByTime(one);
    else
      receive({ type: 'vertexLog', vertex: 'v', atMs: 0, stream: 'stdout', bytes: Buffer.from(`${one}\n`) });
  }
  watch.close();
  const reason: unknown = watch.signal.reason;
  return isBuildError(reason) ? reason.message.split('\n')[0] : undefined;
}

const loud = Array.from({ length: 100 }, (_, i) => `line ${i}`).join('\n');
const stop = (step: string, limit: string): unknown =>
  expect.stringContaining(`The step "${step}" of a was stopped after ${limit}`);

test('each step of a test has its own time, from when it is announced', () => {
  expect(
    stopped({ all: 1000 }, ['==> 1/3 One', 900, loud, '==> 2/3 Two', 900, '==> 3/3 Three', 900]),
  ).toBeUndefined();
  expect(stopped({ all: 1000 }, ['==> 1/3 One', 900, `==> 2/3 Two\n${loud}`, 1000])).toEqual(
    stop('Two', '1.0s'),
  );
  expect(stopped({ steps: { Two: 500 } }, ['==> 1/3 One', 9000, '==> 2/3 Two', 499])).toBeUndefined();
  expect(stopped({ steps: { Two: 500 } }, ['==> 1/3 One', 9000, '==> 2/3 Two', 500])).toEqual(
    stop('Two', '0.5s'),
  );
  expect(stopped({ steps: { Two: 500 } }, ['==> 2/3 Two', 400, '==> 3/3 Three', 9000])).toBeUndefined();
});

test('where the daemon leaves out what is printed, the steps that are left have their time together', () => {
  const clipped = '[output clipped, log limit 2MiB reached]';
  expect(stopped({ all: 1000 }, ['==> 2/3 Two', clipped, 1999])).toBeUndefined();
  expect(stopped({ all: 1000 }, ['==> 2/3 Two', clipped, 2000])).toEqual(stop('Two', '2.0s'));
  expect(stopped({ steps: { Two: 500 } }, ['==> 2/3 Two', clipped, 9000])).toBeUndefined();
});
