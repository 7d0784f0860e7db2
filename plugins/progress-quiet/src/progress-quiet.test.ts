import { createBuildHooks } from '@melange2/plugin-api';
import type { BuildEvent } from '@melange2/progress';
import { expect, test } from 'vitest';
import { progressQuiet } from './index.ts';

test('a step that goes well is not mentioned, a failed one is, with its last lines', () => {
  let text = '';
  const hooks = createBuildHooks();
  progressQuiet({ output: { write: (t) => (text += t), colors: false } }).apply({ hooks });
  const events: BuildEvent[] = [
    { type: 'stepPlanned', atMs: 0, step: 'a', name: 'good', kind: 'command' },
    { type: 'stepPlanned', atMs: 0, step: 'b', name: 'bad', kind: 'command' },
    { type: 'stepFinished', atMs: 1, step: 'a', cached: false, durationMs: 1 },
    { type: 'stepLog', atMs: 1, step: 'b', stream: 'stdout', text: 'no such file' },
    { type: 'stepFinished', atMs: 1, step: 'b', cached: false, durationMs: 1, error: 'exit code: 1' },
  ];
  for (const event of events) hooks.eventReceived.call(event);
  expect(text).toBe('bad failed: exit code: 1\n  no such file\n');
});
