import { type BuildEvent, displayWidth, emptyView, reduce } from '@melange2/progress';
import { expect, test } from 'vitest';
import { drawLive, type Paint } from './index.ts';

const same = (text: string): string => text;
const paint: Paint = { bold: same, dim: same, green: same, red: same, yellow: same, cyan: same };

const events: BuildEvent[] = [
  {
    type: 'buildStarted',
    atMs: 0,
    build: 'b',
    file: 'zip.yaml',
    package: 'zip-3.0-r0',
    architectures: ['x86_64'],
  },
  { type: 'stageStarted', atMs: 0, stage: 'solve' },
  ...['one', 'two', 'three'].flatMap((step): BuildEvent[] => [
    {
      type: 'stepPlanned',
      atMs: 0,
      step,
      name: `step ${step} with a name that is long`,
      kind: 'command',
      package: 'zip',
    },
    { type: 'stepStarted', atMs: 0, step },
    { type: 'stepLog', atMs: 1, step, stream: 'stdout', text: 'ünïcödé 日本語 '.repeat(10) },
  ]),
];

test.each([
  [80, 24],
  [40, 10],
  [20, 4],
])('a picture fits into %i columns and %i rows', (columns, rows) => {
  const lines = drawLive(events.reduce(reduce, emptyView), { columns, rows }, 2500, paint);
  expect(lines.length).toBeLessThan(rows);
  expect(lines.every((line) => displayWidth(line) <= columns)).toBe(true);
});

test('the first line counts steps, each running step shows its time and last lines', () => {
  const lines = drawLive(
    events.slice(0, 5).reduce(reduce, emptyView),
    { columns: 44, rows: 20 },
    2500,
    paint,
  );
  expect(lines.join('\n')).toMatchInlineSnapshot(`
    "▸ zip-3.0-r0 · solve · 0/1 steps, 0 ca… 2.5s
    ● zip: step one with a name that is lo… 2.5s
      │ ünïcödé 日本語 ünïcödé 日本語 ünïcödé …"
  `);
});
