import type { StatusEvent } from '@melange2/buildkit-client';
import type { BuildEvent } from '@melange2/progress';
import { expect, test } from 'vitest';
import { failureText, stepTracker } from './step-tracker.ts';

/** What is told of the starts and ends of a step named `Compile`. */
function told(events: readonly StatusEvent[]): string[] {
  const lines: string[] = [];
  const tracker = stepTracker({
    bus: {
      emit: (event) => {
        const known = event as BuildEvent;
        if (known.type === 'stepStarted') lines.push(`started ${known.atMs}`);
        if (known.type === 'stepFinished')
          lines.push(`${known.cached ? 'cached' : 'finished'} after ${known.durationMs}`);
      },
    },
    architecture: 'x86_64',
    known: new Map([['v', { name: 'Compile', kind: 'command' as const }]]),
    logFile: () => 'log',
  });
  tracker.receive({ type: 'vertexAdded', vertex: 'v', name: 'v', inputs: [] });
  for (const event of events) tracker.receive(event);
  return lines;
}

const started = (startedMs: number): StatusEvent => ({ type: 'vertexStarted', vertex: 'v', startedMs });
const completed = (startedMs: number, completedMs: number, cached: boolean): StatusEvent => ({
  type: 'vertexCompleted',
  vertex: 'v',
  startedMs,
  completedMs,
  cached,
});

test('a vertex that runs in two intervals is over when both are', () => {
  expect(told([started(1), started(5), completed(1, 6, false), completed(5, 9, false)])).toEqual([
    'started 1',
    'finished after 4',
  ]);
});

test('a vertex that was started again is over with its last interval, though the first never ended', () => {
  expect(told([started(1), started(5), completed(5, 5, true)])).toEqual(['started 1', 'cached after 0']);
});

test('a vertex may run again after it was over', () => {
  expect(told([started(1), completed(1, 1, true), started(5), completed(5, 9, false)])).toEqual([
    'started 1',
    'cached after 0',
    'started 5',
    'finished after 4',
  ]);
});

test('a cache that cannot be read is named by what people know of it', () => {
  const warnings: string[] = [];
  const tracker = stepTracker({
    bus: { emit: (event) => void ('text' in event && warnings.push(event.text)) },
    architecture: 'x86_64',
    known: new Map(),
    logFile: () => 'log',
  });
  for (const [i, name] of ['s3:1179318668917522', 'registry.example/a:1'].entries()) {
    const vertex = `v${i}`;
    tracker.receive({
      type: 'vertexAdded',
      vertex,
      name: `importing cache manifest from ${name}`,
      inputs: [],
    });
    tracker.receive({ type: 'vertexStarted', vertex, startedMs: 1 });
    tracker.receive({
      type: 'vertexCompleted',
      vertex,
      startedMs: 1,
      completedMs: 2,
      cached: false,
      error: 'forbidden',
    });
  }
  expect(warnings).toEqual([
    'The cache of type s3 was not read: forbidden',
    'The cache registry.example/a:1 was not read: forbidden',
  ]);
});

test('the last lines of a step are kept while it runs and when it fails, not when it has ended well', () => {
  const tracker = stepTracker({
    bus: { emit: () => {} },
    architecture: 'x86_64',
    known: new Map(),
    logFile: () => 'log',
  });
  const run = (vertex: string, error?: string): readonly string[] => {
    tracker.receive({ type: 'vertexAdded', vertex, name: vertex, inputs: [] });
    tracker.receive({ type: 'vertexStarted', vertex, startedMs: 1 });
    const bytes = Buffer.from(`${vertex} speaks\n`);
    tracker.receive({ type: 'vertexLog', vertex, stream: 'stdout', bytes, atMs: 2 });
    const running = tracker.tail(vertex);
    tracker.receive({
      type: 'vertexCompleted',
      vertex,
      startedMs: 1,
      completedMs: 3,
      cached: false,
      ...(error === undefined ? {} : { error }),
    });
    return running;
  };
  expect(run('good')).toEqual(['good speaks']);
  expect(tracker.tail('good')).toEqual([]);
  run('bad', 'exit code: 1');
  expect(tracker.tail('bad')).toEqual(['bad speaks']);
});

test.each([
  ['process "/bin/sh -c make" did not complete successfully: exit code: 2', 'exit code: 2'],
  [
    'executor failed running [/bin/sh -c make]: exit code: 137: context deadline',
    'exit code: 137: context deadline',
  ],
  // A script of many lines stands before the cause.
  [
    `failed to solve: process "/bin/sh -c ${'echo one\n'.repeat(100)}" did not complete successfully: failed to mount /tmp/b: no such device`,
    'failed to mount /tmp/b: no such device',
  ],
  [`executor failed running [/bin/sh -c ${'echo\n'.repeat(200)}]: max depth exceeded`, 'max depth exceeded'],
  ['failed to solve: no such file\nmore', 'no such file'],
  ['rpc error: code = Canceled desc = context canceled', 'canceled'],
])('the cause of a failure is told without what ran: %#', (text, cause) => {
  expect(failureText(text)).toBe(cause);
});
