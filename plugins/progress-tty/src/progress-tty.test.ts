import { type BuildEvent, displayWidth, emptyView, reduce } from '@melange2/progress';
import { stripVTControlCharacters } from 'node:util';
import { createBuildHooks } from '@melange2/plugin-api';
import { expect, test, vi } from 'vitest';
import { drawLive, type Paint, progressTty } from './index.ts';

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
    "▸ zip-3.0-r0 · solve · 0/1 steps        2.5s
    zip (x86_64)
    └─ ● step one with a name that is long  2.5s
         │ ünïcödé 日本語 ünïcödé 日本語 ünïcöd…"
  `);
});

test('steps of earlier builds say how long it will take; steps that wait are named', () => {
  const planned: BuildEvent[] = ['configure', 'make', 'check', 'install', 'strip'].map((name, i) => ({
    type: 'stepPlanned',
    atMs: 0,
    step: name,
    name,
    kind: 'command',
    package: 'zip',
    expectedMs: 10_000,
    place: {
      file: 'zip.yaml',
      start: { offset: i * 20, line: i, column: 1 },
      end: { offset: i * 20 + 9, line: i, column: 10 },
    },
  }));
  const all: BuildEvent[] = [
    ...events.slice(0, 2),
    // As a daemon names them: in any order.
    ...planned.toReversed(),
    { type: 'stepStarted', atMs: 1000, step: 'configure' },
    {
      type: 'transfer',
      atMs: 2000,
      id: 't',
      name: 'sources',
      direction: 'up',
      currentBytes: 0,
      finished: false,
    },
    {
      type: 'transfer',
      atMs: 4000,
      id: 't',
      name: 'sources',
      direction: 'up',
      currentBytes: 3_000_000,
      totalBytes: 9_000_000,
      finished: false,
    },
  ];
  const lines = drawLive(all.reduce(reduce, emptyView), { columns: 70, rows: 20 }, 5000, paint);
  expect(lines.join('\n')).toMatchInlineSnapshot(`
    "▸ zip-3.0-r0 · solve · 0/5 steps, 0 cached        5.0s, about 46s left
    zip (x86_64)
    ├─ ● configure                                     4.0s of about 10.0s
    ├─ ○ make
    ├─ ○ check
    ├─ ○ install
    └─ ○ 1 more
    ↑ sources 3.0 MB of 9.0 MB 1.5 MB/s"
  `);
});

function terminal(size: { columns: number }): { written: string[]; send: (event: BuildEvent) => void } {
  const written: string[] = [];
  const hooks = createBuildHooks();
  const output = {
    write: (text: string): void => void written.push(text),
    colors: false,
    rows: 20,
    get columns() {
      return size.columns;
    },
  };
  progressTty({ output, now: () => 5000, intervalMs: 1e9 }).apply({ hooks });
  return { written, send: (event) => hooks.eventReceived.call(event) };
}

test('when the terminal has become narrower, what it wrapped is taken back whole', () => {
  vi.useFakeTimers();
  const size = { columns: 80 };
  const { written, send } = terminal(size);
  for (const event of events.slice(0, 5)) send(event);
  vi.advanceTimersByTime(1e9);
  size.columns = 40;
  vi.advanceTimersByTime(1e9);
  vi.useRealTimers();
  const [first = '', second = ''] = written;
  // Status line and step fill 79 columns, the title and the log fewer.
  const up = first
    .split('\n')
    .slice(0, -1)
    .reduce((rows, line) => rows + Math.ceil(displayWidth(stripVTControlCharacters(line)) / 40), 0);
  expect(/\u001b\[(\d+)A/.exec(second)?.[1]).toBe(String(up));
  expect(up).toBeGreaterThan(first.split('\n').length - 1);
});

test('a picture that has not changed is not written again', () => {
  vi.useFakeTimers();
  const { written, send } = terminal({ columns: 80 });
  for (const event of events.slice(0, 5)) send(event);
  vi.advanceTimersByTime(5e9);
  vi.useRealTimers();
  expect(written).toHaveLength(1);
});

test.each([40, 60, 80])('at the end, nothing is cut within a word on %i columns', (columns) => {
  const { written, send } = terminal({ columns });
  const text = 'The cache of the package manager is used from a registry that answers slowly.';
  for (const stage of ['connect', 'resolve', 'assemble', 'solve', 'analyse', 'emit'] as const) {
    send({ type: 'stageStarted', atMs: 0, stage });
    send({ type: 'stageFinished', atMs: 0, stage, durationMs: 900 });
  }
  send({ type: 'notice', atMs: 0, level: 'warning', text });
  send({ type: 'buildFinished', atMs: 1000, outcome: 'succeeded', durationMs: 1000 });
  const lines = stripVTControlCharacters(written.join('')).split('\n');
  expect(lines.every((line) => line.length < columns)).toBe(true);
  expect(lines.join(' ').replaceAll(/ +/g, ' ')).toContain(text);
  expect(lines.join(' ').replaceAll(/ +/g, ' ')).toContain(
    'assemble 0.9s, solve 0.9s, analyse 0.9s, emit 0.9s',
  );
});

test('a picture looks at the steps that run or have changed since the last one, not at all of them', () => {
  const planned = Array.from({ length: 10_000 }, (_, i): BuildEvent => ({
    type: 'stepPlanned',
    atMs: 0,
    step: `${i}`,
    name: `step ${i}`,
    kind: 'command',
    package: `package-${i % 50}`,
    expectedMs: 1000,
  }));
  let view = [...events.slice(0, 2), ...planned].reduce(reduce, emptyView);
  let looks = 0;
  let { steps } = view;
  for (const step of steps.values()) {
    const watched = new Proxy(step, {
      get: (target, key) => {
        if (key === 'status') looks++;
        return Reflect.get(target, key) as unknown;
      },
    });
    steps = steps.set(step.id, watched);
  }
  view = { ...view, steps };
  const draw = (): string => drawLive(view, { columns: 80, rows: 20 }, 5000, paint).join('\n');
  draw();
  expect(looks).toBeGreaterThanOrEqual(10_000);
  view = reduce(view, { type: 'stepStarted', atMs: 4000, step: '77' });
  looks = 0;
  const picture = draw();
  expect(looks).toBeLessThan(1000);
  expect(picture).toContain('└─ ○ 196 more');
  expect(picture).toContain('about 2h 46m left');
});
