import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  displayWidth,
  emptyView,
  formatBytes,
  formatDuration,
  fitWidth,
  plainLine,
  reduce,
  StepTable,
  summaryLines,
} from './index.ts';
import type { BuildEvent, BuildView } from './index.ts';

const planned = (step: string): BuildEvent => ({
  type: 'stepPlanned',
  atMs: 0,
  step,
  name: step,
  kind: 'command',
});
const fold = (events: readonly BuildEvent[]): BuildView => events.reduce(reduce, emptyView);

test('counts follow the steps, also when a vertex starts twice', () => {
  const view = fold([
    planned('a'),
    planned('b'),
    { type: 'stepStarted', atMs: 1, step: 'a' },
    { type: 'stepFinished', atMs: 1, step: 'a', cached: false, durationMs: 0 },
    { type: 'stepStarted', atMs: 2, step: 'a' },
    { type: 'stepLog', atMs: 3, step: 'a', stream: 'stdout', text: 'hi' },
    { type: 'stepFinished', atMs: 5, step: 'a', cached: true, durationMs: 3 },
    { type: 'stepStarted', atMs: 6, step: 'b' },
    {
      type: 'stepFinished',
      atMs: 7,
      step: 'b',
      cached: false,
      durationMs: 1,
      error: 'exit code: 2',
      exitCode: 2,
    },
  ]);
  expect(view.counts).toEqual({ total: 2, completed: 1, cached: 1, failed: 1, running: 0 });
  expect(view.steps.get('a')?.tail).toEqual([]);
  expect(view.steps.get('b')?.status).toBe('failed');
});

test('an event that changes nothing gives back the same view', () => {
  expect(reduce(emptyView, { type: 'stepStarted', atMs: 0, step: 'unknown' })).toBe(emptyView);
});

test('a table keeps its older versions, whatever is set in which branch', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ maxLength: 2 }), fc.nat())), fc.nat(30), (sets, fork) => {
      let table = StepTable.empty<number>();
      const model = new Map<string, number>();
      let old: { table: StepTable<number>; model: Map<string, number> } | undefined;
      sets.forEach(([id, value], i) => {
        if (i === fork) old = { table, model: new Map(model) };
        table = table.set(id, value);
        model.set(id, value);
      });
      expect([...table.values()]).toEqual([...model.values()]);
      if (old !== undefined) {
        const branch = old.table.set('new', -1);
        expect(branch.get('new')).toBe(-1);
        expect([...old.table.values()]).toEqual([...old.model.values()]);
        for (const [id, value] of model) expect(table.get(id)).toBe(value);
      }
    }),
  );
});

test('foreign lines cannot steer the terminal', () => {
  expect(plainLine('10%\r50%\r100%\u001b[2K\u001b]0;title\u0007 done\u001b[31m!\u001b[0m\u0000')).toBe(
    '100% done!',
  );
  expect(plainLine('a\tb')).toBe('a    b');
});

test('sizes, durations and widths are formatted for people', () => {
  expect([0, 999, 1000, 265_000_000, 1_499_999].map(formatBytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '265 MB',
    '1.5 MB',
  ]);
  expect([312, 59_940, 185_000, 3_720_000].map(formatDuration)).toEqual([
    '0.3s',
    '59.9s',
    '3m 05s',
    '1h 02m',
  ]);
  expect(fitWidth('日本語テキスト', 7)).toBe('日本語…');
});

test('the summary names packages, steps and times', () => {
  const view = fold([
    {
      type: 'buildStarted',
      atMs: 0,
      build: 'b',
      file: 'zip.yaml',
      package: 'zip-3.0-r0',
      architectures: ['x86_64'],
    },
    { type: 'stageStarted', atMs: 0, stage: 'solve' },
    { type: 'stageFinished', atMs: 900, stage: 'solve', durationMs: 900 },
    { type: 'buildFinished', atMs: 1000, outcome: 'succeeded', durationMs: 1000 },
  ]);
  expect(summaryLines(view)).toEqual(['Built zip-3.0-r0 in 1.0s', '  time: solve 0.9s']);
});

const ended: BuildEvent[] = [
  {
    type: 'buildStarted',
    atMs: 0,
    build: 'b',
    file: 'zip.yaml',
    package: 'zip-3.0-r0',
    architectures: ['x86_64'],
  },
  planned('make'),
  { type: 'stepFinished', atMs: 1, step: 'make', cached: false, durationMs: 1, error: 'exit code: 2' },
  ...(['connect', 'resolve', 'assemble', 'solve'] as const).flatMap((stage): BuildEvent[] => [
    { type: 'stageStarted', atMs: 0, stage },
    { type: 'stageFinished', atMs: 900, stage, durationMs: 900 },
  ]),
  {
    type: 'packageWritten',
    atMs: 950,
    architecture: 'x86_64',
    name: 'zip',
    version: '3.0-r0',
    file: 'packages/x86_64/zip-3.0-r0.apk',
    sizeBytes: 117_000,
    installedSizeBytes: 273_000,
    digest: `sha256:${'0123456789abcdef'.repeat(4)}`,
  },
  { type: 'buildFinished', atMs: 1000, outcome: 'succeeded', durationMs: 1000 },
];

test.each([40, 60, 80])(
  'on a terminal of %i columns, the summary is parted between what it tells',
  (columns) => {
    const whole = summaryLines(fold(ended));
    const lines = summaryLines(fold(ended), columns);
    const words = (text: readonly string[]): string[] => text.join(' ').trim().split(/ +/);
    expect(words(lines)).toEqual(words(whole));
    // Only what is longer than the terminal is left for it to cut, on a line of its own.
    for (const line of lines) if (displayWidth(line) > columns) expect(words([line])).toHaveLength(1);
    expect(lines.length).toBeGreaterThan(whole.length);
  },
);

test('what belongs together stays on a line', () => {
  expect(summaryLines(fold(ended), 40).join('\n')).toMatchInlineSnapshot(`
    "Built zip-3.0-r0 in 1.0s
      packages/x86_64/zip-3.0-r0.apk  117 kB
        (installed 273 kB)
        sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
      steps: 0 of 1 done, 0 of them cached,
        1 failed
      time: connect 0.9s, resolve 0.9s,
        assemble 0.9s, solve 0.9s"
  `);
});
