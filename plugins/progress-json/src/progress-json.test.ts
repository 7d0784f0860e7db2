import { createBuildHooks } from '@melange2/plugin-api';
import type { BuildEvent } from '@melange2/progress';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { eventSchema, progressJson } from './index.ts';

const at = { line: 1, column: 1, offset: 0 };
const span = { file: 'a.yaml', start: at, end: at };

// One of each type: a type without an example does not compile.
const examples: { [T in BuildEvent['type']]: Extract<BuildEvent, { type: T }> } = {
  buildStarted: {
    type: 'buildStarted',
    atMs: 0,
    build: 'b',
    file: 'a.yaml',
    package: 'a-1-r0',
    architectures: ['x86_64'],
  },
  stageStarted: { type: 'stageStarted', atMs: 0, stage: 'solve' },
  stageFinished: { type: 'stageFinished', atMs: 0, stage: 'solve', durationMs: 1, detail: 'x' },
  daemonFound: { type: 'daemonFound', atMs: 0, address: 'unix:///x', how: 'BUILDKIT_HOST' },
  stepPlanned: { type: 'stepPlanned', atMs: 0, step: 's', name: 'make', kind: 'command', place: span },
  stepStarted: { type: 'stepStarted', atMs: 0, step: 's' },
  stepLog: { type: 'stepLog', atMs: 0, step: 's', stream: 'stdout', text: 'a\nb' },
  stepProgress: {
    type: 'stepProgress',
    atMs: 0,
    step: 's',
    item: 'i',
    current: 1,
    unit: 'bytes',
    finished: false,
  },
  stepFinished: {
    type: 'stepFinished',
    atMs: 0,
    step: 's',
    cached: false,
    durationMs: 3,
    error: 'e',
    exitCode: 1,
  },
  transfer: {
    type: 'transfer',
    atMs: 0,
    id: 't',
    name: 'n',
    direction: 'up',
    currentBytes: 1,
    finished: true,
  },
  problemFound: {
    type: 'problemFound',
    atMs: 0,
    problem: { code: 'A_B', severity: 'error', message: 'm', span },
  },
  notice: { type: 'notice', atMs: 0, level: 'info', text: 't' },
  cacheMountUsed: {
    type: 'cacheMountUsed',
    atMs: 0,
    id: 'i',
    name: 'go-build',
    architecture: 'x86_64',
    target: '/x',
    state: 'hit',
    sizeBytes: 1,
  },
  packageWritten: {
    type: 'packageWritten',
    atMs: 0,
    name: 'a',
    version: '1-r0',
    architecture: 'x86_64',
    file: 'f',
    sizeBytes: 1,
    installedSizeBytes: 2,
    digest: 'sha256:0',
  },
  buildPaused: { type: 'buildPaused', atMs: 0 },
  buildResumed: { type: 'buildResumed', atMs: 0 },
  buildFinished: { type: 'buildFinished', atMs: 0, outcome: 'succeeded', durationMs: 1 },
};

const validate = new Ajv2020({ strict: false }).compile(eventSchema);

test.each(Object.values(examples))('an event $type is one line that fits the schema', (event) => {
  let text = '';
  const hooks = createBuildHooks();
  progressJson({ output: { write: (t) => (text += t), colors: false } }).apply({ hooks });
  hooks.eventReceived.call(event);
  expect(text.indexOf('\n')).toBe(text.length - 1);
  const line = JSON.parse(text) as Record<string, unknown>;
  expect(validate(line), JSON.stringify(validate.errors)).toBe(true);
  for (const field of Object.keys(line)) {
    const { [field]: dropped, ...rest } = line;
    if (['v', 'type', 'atMs'].includes(field)) expect(validate(rest)).toBe(false);
  }
});
