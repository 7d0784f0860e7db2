import { expect, test } from 'vitest';
import { type BuildEvent, emptyView, reduce, stepEnds, type StepKind } from './index.ts';

/** What is told of these events, one text for each step. */
function told(events: readonly BuildEvent[]): string[] {
  const ends = stepEnds();
  let view = emptyView;
  return events.flatMap((event) => {
    view = reduce(view, event);
    return ends(view, event).map(({ name, status, durationMs }) => `${name} ${status} ${durationMs}`);
  });
}

const planned = (step: string, kind: StepKind, name = step): BuildEvent => ({
  type: 'stepPlanned',
  atMs: 0,
  step,
  name,
  kind,
  architecture: 'x86_64',
});
const started = (step: string): BuildEvent => ({ type: 'stepStarted', atMs: 0, step });
const finished = (step: string, durationMs: number, error?: string): BuildEvent => ({
  type: 'stepFinished',
  atMs: 0,
  step,
  cached: durationMs === 0,
  durationMs,
  ...(error === undefined ? {} : { error }),
});
const over: BuildEvent = { type: 'buildFinished', atMs: 0, outcome: 'succeeded', durationMs: 1 };

test('what an environment is made of is told once, before the first command, with all of its time', () => {
  const merge = Array.from({ length: 80 }, (_, i) => [started('m'), finished('m', i % 2 === 0 ? 200 : 0)]);
  expect(
    told([
      planned('l', 'environment', 'layers'),
      planned('l2', 'environment', 'layers'),
      planned('m', 'environment', 'merge'),
      planned('brief', 'source'),
      planned('c', 'command'),
      started('l'),
      finished('l', 300),
      started('l2'),
      finished('l2', 400),
      ...merge.flat(),
      started('brief'),
      finished('brief', 20),
      started('c'),
      finished('c', 5),
      over,
    ]),
  ).toEqual(['layers completed 700', 'merge completed 8000', 'c completed 5']);
});

test('without a command it is told at the end, and a failure at once', () => {
  const events = [planned('l', 'environment'), planned('m', 'environment'), finished('l', 300)];
  expect(told([...events, finished('m', 1, 'no space'), over])).toEqual(['m failed 1', 'l completed 300']);
});

test('a command is told each time it has run, and once that it is cached', () => {
  const events = [planned('c', 'command'), finished('c', 0), started('c'), finished('c', 0)];
  expect(told(events)).toEqual(['c cached 0']);
  expect(told([...events, started('c'), finished('c', 7)])).toEqual(['c cached 0', 'c completed 7']);
});

test('what is internal is told when it fails only', () => {
  const events = [
    planned('i', 'internal'),
    finished('i', 500),
    started('i'),
    finished('i', 1, 'broken'),
    over,
  ];
  expect(told(events)).toEqual(['i failed 1']);
});
