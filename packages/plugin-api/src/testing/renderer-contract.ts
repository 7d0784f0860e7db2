import assert from 'node:assert/strict';
import type { BuildEvent, RendererOutput } from '@melange2/progress';
import { createBuildHooks } from '../build-hooks.ts';
import type { Plugin } from '../plugin.ts';
import type { ContractCase } from './contract-case.ts';
import { pluginContract } from './plugin-contract.ts';

/** A renderer under test. */
export interface RendererSubject {
  readonly make: (output: RendererOutput) => Plugin;
  readonly npmName: string;
  /** The renderer moves the cursor, so escape sequences of its own are expected. */
  readonly terminal?: boolean;
}

/** What a renderer must do. Register each case with your test runner. */
export function rendererContract(subject: RendererSubject): ContractCase[] {
  const render = async (events: readonly BuildEvent[]): Promise<string> => {
    let text = '';
    const hooks = createBuildHooks();
    const output = { write: (t: string): void => void (text += t), colors: false, columns: 60, rows: 20 };
    subject.make(output).apply({ hooks });
    for (const event of events) hooks.eventReceived.call(event);
    await hooks.closed.promise();
    return text;
  };
  return [
    ...pluginContract(() => subject.make({ write: () => {}, colors: false }), subject.npmName),
    {
      name: 'shows the failed step and why it failed',
      run: async () => {
        const text = await render(failingBuild('plain text'));
        assert.match(text, /make-the-program/);
        assert.match(text, /exit code: 2/);
      },
    },
    {
      name: 'passes no control sequence of a log on',
      run: async () => {
        const text = await render(failingBuild('\u001b]0;evil\u0007\u001b[2J\u009b31m'));
        assert.doesNotMatch(
          text,
          subject.terminal === true
            ? /\u001b\]0|\u001b\[2J|\u009b/
            : /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/,
        );
      },
    },
    {
      name: 'says nothing more after it was closed',
      run: async () => {
        let text = '';
        const hooks = createBuildHooks();
        subject.make({ write: (t) => void (text += t), colors: false }).apply({ hooks });
        for (const event of failingBuild('x')) hooks.eventReceived.call(event);
        await hooks.closed.promise();
        const before = text;
        await new Promise((resolve) => setTimeout(resolve, 150));
        assert.equal(text, before);
      },
    },
    {
      name: 'stands events of steps it has not heard of',
      run: async () => {
        await render([
          { type: 'stepStarted', atMs: 0, step: 'unknown' },
          { type: 'stepLog', atMs: 0, step: 'unknown', stream: 'stdout', text: 'x' },
          { type: 'stepFinished', atMs: 0, step: 'unknown', cached: false, durationMs: 0 },
        ]);
      },
    },
  ];
}

function failingBuild(log: string): BuildEvent[] {
  return [
    {
      type: 'buildStarted',
      atMs: 0,
      build: 'b',
      file: 'a.yaml',
      package: 'a-1-r0',
      architectures: ['x86_64'],
    },
    { type: 'stepPlanned', atMs: 0, step: 's', name: 'make-the-program', kind: 'command', package: 'a' },
    { type: 'stepStarted', atMs: 1, step: 's' },
    { type: 'stepLog', atMs: 2, step: 's', stream: 'stderr', text: log },
    {
      type: 'stepFinished',
      atMs: 3,
      step: 's',
      cached: false,
      durationMs: 2,
      error: 'exit code: 2',
      exitCode: 2,
    },
    { type: 'buildFinished', atMs: 4, outcome: 'failed', durationMs: 4 },
  ];
}
