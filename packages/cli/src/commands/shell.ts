import { readRecord, type StepState } from '@melange2/core';
import { buildError } from '@melange2/diagnostics';
import { errors } from '../errors.ts';
import { recordBuilder } from '../record-builder.ts';
import { openShell } from '../step-shell.ts';
import type { Terminal } from '../terminal.ts';

interface ShellOptions {
  readonly step?: string;
  readonly before?: string;
  readonly command?: string;
  readonly root?: boolean;
  readonly buildkit?: string;
}

/** Runs `melange2 shell`; returns the exit code of the shell. */
export async function runShell(
  build: string | undefined,
  options: ShellOptions,
  terminal: Terminal,
): Promise<number> {
  const { command, buildkit: address } = options;
  if (command === undefined && !process.stdin.isTTY) {
    const problem = 'A shell needs a terminal. To run one command without, give it with --command.';
    throw buildError(errors, 'CLI_USAGE', { problem });
  }
  const record = await readRecord(terminal.env, build);
  const step = options.before ?? options.step;
  const builder = await recordBuilder(record, terminal);
  try {
    return await builder.withState(
      {
        record,
        before: options.before !== undefined,
        ...(step === undefined ? {} : { step }),
        ...(address === undefined ? {} : { address }),
      },
      terminal.signal,
      (state) => {
        const user = options.root === true ? { user: '0:0' } : {};
        const shown = options.root === true ? { ...state, exec: asRoot(state) } : state;
        return command === undefined
          ? enter(shown, terminal)
          : run(state, { args: ['/bin/sh', '-c', command], ...user }, terminal);
      },
    );
  } finally {
    await builder.close();
  }
}

async function enter(state: StepState, terminal: Terminal): Promise<number> {
  const { step, moment } = state;
  const when = { failed: 'after the failed command of', after: 'after', before: 'before' }[moment];
  terminal.stderr(`${terminal.colors.dim(`${step.package}: ${when} "${step.name}"; "exit" ends it`)}\n`);
  return openShell(state, terminal);
}

function asRoot({ exec }: StepState): StepState['exec'] {
  return (options) => exec({ ...options, user: '0:0' });
}

async function run(
  state: StepState,
  options: Parameters<StepState['exec']>[0],
  terminal: Terminal,
): Promise<number> {
  const process_ = await state.exec({ ...options, signal: terminal.signal });
  process_.stdout.setEncoding('utf8').on('data', terminal.stdout);
  process_.stderr.setEncoding('utf8').on('data', terminal.stderr);
  return await process_.exited;
}
