import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** How a run of the command line ended. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Melange2Options {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  /** Told of output on standard error as it comes; `kill` sends a signal to the process and all below it. */
  readonly onStderr?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

export const repositoryRoot: string = join(import.meta.dirname, '../..');

/** Runs the built command line as users do, in a process of its own with no more of our environment than it needs. */
export function melange2(args: readonly string[], options: Melange2Options): Promise<Finished> {
  const { cwd, env, signal, onStderr } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(join(repositoryRoot, 'node_modules/.bin/melange2'), [...args], {
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own, so that an interrupt reaches all of it, as Ctrl-C on a terminal does.
      detached: true,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1', ...env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      onStderr?.(text, kill);
    });
    const kill = (name: NodeJS.Signals): void => {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    };
    const interrupt = (): void => kill('SIGINT');
    signal?.addEventListener('abort', interrupt, { once: true });
    child.on('error', reject);
    child.on('close', (code, ended) => {
      signal?.removeEventListener('abort', interrupt);
      // A shell shows 128 and the number of the signal for what ended by one; pnpm's script around node does.
      resolve({ code: code ?? (ended === 'SIGINT' ? 130 : null), stdout, stderr });
    });
  });
}
