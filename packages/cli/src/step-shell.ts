import type { FailedStepVisit, StepState } from '@melange2/core';
import { wrapWords } from '@melange2/diagnostics';
import type { Terminal } from './terminal.ts';

/** Opens a shell in the state that a failed step left behind, after asking when that is wanted. Ends with the shell. */
export function visitFailedStep(action: 'ask' | 'shell', terminal: Terminal): FailedStepVisit {
  const { colors } = terminal;
  return {
    async wanted(step) {
      if (!process.stdin.isTTY) return false;
      const failed = wrapWords(`The step "${step.name}" of ${step.package} failed.`, terminal.columns());
      terminal.stderr(`\n${colors.red(failed.join('\n'))}\n`);
      return action === 'shell' || (await yes('Open a shell in its state? [y/N] ', terminal));
    },
    async enter(state) {
      terminal.stderr(
        `${colors.dim('What the step wrote is here, with its variables, folder and user; "exit" ends the build.')}\n`,
      );
      await openShell(state, terminal);
    },
  };
}

/** Joins this terminal to a shell in the state, and returns the shell's exit code. Expects a terminal. */
export async function openShell(state: StepState, terminal: Terminal): Promise<number> {
  const { stdin, stdout } = process;
  const shell = await state.exec({ args: ['/bin/sh'], tty: true, signal: terminal.signal });
  const resize = (): void => void shell.resize(stdout.rows, stdout.columns).catch(() => {});
  const typed = (chunk: Buffer): void => void shell.stdin.write(chunk);
  stdin.setRawMode(true);
  stdin.resume();
  stdin.on('data', typed);
  stdout.on('resize', resize);
  // A size that comes before the shell runs may be lost; its prompt tells that it does.
  shell.stdout.once('data', resize);
  shell.stdout.pipe(stdout, { end: false });
  resize();
  try {
    return await shell.exited;
  } finally {
    stdin.off('data', typed);
    stdout.off('resize', resize);
    stdin.setRawMode(false);
    stdin.pause();
    shell.stdin.end();
  }
}

async function yes(question: string, terminal: Terminal): Promise<boolean> {
  const { createInterface } = await import('node:readline/promises');
  const line = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y/i.test((await line.question(question, { signal: terminal.signal })).trim());
  } finally {
    line.close();
  }
}
