import { createBuildHooks } from '@melange2/plugin-api';
import type { BuildEvent } from '@melange2/progress';
import { expect, test } from 'vitest';
import { progressGithub } from './index.ts';

function render(events: readonly BuildEvent[]): string {
  let text = '';
  const hooks = createBuildHooks();
  progressGithub({ output: { write: (t) => (text += t), colors: false } }).apply({ hooks });
  for (const event of events) hooks.eventReceived.call(event);
  return text;
}

const place = {
  file: 'a,b.yaml',
  start: { line: 7, column: 3, offset: 0 },
  end: { line: 9, column: 1, offset: 9 },
};

test('a failed step is a group with its log, and an annotation at its place', () => {
  const text = render([
    { type: 'stepPlanned', atMs: 0, step: 'a', name: 'make', kind: 'command', package: 'zip', place },
    { type: 'stepLog', atMs: 0, step: 'a', stream: 'stderr', text: 'cc: no' },
    {
      type: 'stepFinished',
      atMs: 0,
      step: 'a',
      cached: false,
      durationMs: 1500,
      error: 'exit\ncode: 1',
      exitCode: 1,
    },
    {
      type: 'buildFinished',
      atMs: 0,
      outcome: 'failed',
      durationMs: 2000,
      failure: {
        code: 'BUILD_STEP_FAILED',
        severity: 'error',
        message: 'zip: make failed\n::error::x',
        span: place,
      },
    },
  ]);
  expect(text).toMatchInlineSnapshot(`
    "::group::zip: make (FAILED: exit%0Acode: 1)
    cc: no
    ::endgroup::
    ::group::Summary
    Failed in 2.0s
      steps: 0 of 1 done, 0 of them cached, 1 failed
    ::endgroup::
    ::error file=a%2Cb.yaml,line=7,endLine=9,col=3,title=BUILD_STEP_FAILED::zip: make failed%0A::error::x
    "
  `);
});

test.each([
  '::set-env name=X::y',
  '  ::error::no',
  '##[add-path]/x',
  '\u001b[0m::stop-commands::t',
  'x\r::error::y',
])('a log line %j forges no command', (line) => {
  const text = render([
    { type: 'stepPlanned', atMs: 0, step: 'a', name: '::error::x', kind: 'command' },
    { type: 'stepLog', atMs: 0, step: 'a', stream: 'stdout', text: line },
    { type: 'stepFinished', atMs: 0, step: 'a', cached: false, durationMs: 1 },
  ]);
  const commands = text.split('\n').filter((l) => /^\s*(::|##\[)/.test(l));
  expect(commands).toEqual(['::group::::error::x (0.0s)', '::endgroup::']);
});
