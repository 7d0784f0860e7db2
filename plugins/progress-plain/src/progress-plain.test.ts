import { createBuildHooks } from '@melange2/plugin-api';
import type { BuildEvent } from '@melange2/progress';
import { expect, test } from 'vitest';
import { progressPlain } from './index.ts';

function render(events: readonly BuildEvent[], columns?: number): string {
  let text = '';
  const hooks = createBuildHooks();
  progressPlain({ output: { write: (t) => (text += t), colors: false, columns } }).apply({ hooks });
  for (const event of events) hooks.eventReceived.call(event);
  return text;
}

test('each step has one number, and its output stands behind it', () => {
  const text = render([
    {
      type: 'buildStarted',
      atMs: 0,
      build: 'b',
      file: 'zip.yaml',
      package: 'zip-3.0-r0',
      architectures: ['x86_64'],
    },
    { type: 'stepPlanned', atMs: 0, step: 'a', name: 'make', kind: 'command', package: 'zip' },
    { type: 'stepPlanned', atMs: 0, step: 'c', name: 'fetch', kind: 'command', package: 'zip' },
    { type: 'stepStarted', atMs: 0, step: 'c' },
    { type: 'stepFinished', atMs: 0, step: 'c', cached: true, durationMs: 0 },
    { type: 'stepStarted', atMs: 1000, step: 'a' },
    { type: 'stepLog', atMs: 1500, step: 'a', stream: 'stderr', text: '\u001b[31mcc: error\u001b[0m' },
    {
      type: 'stepFinished',
      atMs: 2000,
      step: 'a',
      cached: false,
      durationMs: 1000,
      error: 'exit code: 2',
      exitCode: 2,
    },
  ]);
  expect(text).toMatchInlineSnapshot(`
    "building zip-3.0-r0 from zip.yaml for x86_64
    #1 zip: fetch
    #1 zip: fetch CACHED
    #2 zip: make
    #2 0.5 | cc: error
    #2 FAILED exit code: 2 (1.0s)
    "
  `);
});

test('the summary fits a narrow terminal; in a file each thing has its line', () => {
  const events: BuildEvent[] = [
    ...(['connect', 'resolve', 'assemble', 'solve'] as const).flatMap((stage): BuildEvent[] => [
      { type: 'stageStarted', atMs: 0, stage },
      { type: 'stageFinished', atMs: 900, stage, durationMs: 900 },
    ]),
    { type: 'buildFinished', atMs: 1000, outcome: 'canceled', durationMs: 1000 },
  ];
  expect(render(events).split('\n').at(-2)).toBe(
    '  time: connect 0.9s, resolve 0.9s, assemble 0.9s, solve 0.9s',
  );
  expect(render(events, 40).split('\n').slice(-3)).toEqual([
    '  time: connect 0.9s, resolve 0.9s,',
    '    assemble 0.9s, solve 0.9s',
    '',
  ]);
});
