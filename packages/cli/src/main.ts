import { readFileSync } from 'node:fs';
import { exitCodes } from './exit-code.ts';
import { reportError } from './report-error.ts';
import { processTerminal } from './terminal.ts';
import { version } from './version.ts';

/** Runs the command line of this process and sets its exit code. */
export async function main(): Promise<void> {
  const argv = process.argv.slice(2);
  if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
    process.stdout.write(`melange2 ${version}\n`);
    return;
  }
  // A reader that has seen enough, such as head, is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.done);
    if (!isTerminalGone(error)) throw error;
  });
  // A terminal that was closed sends SIGHUP too, which ends the build in order.
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && !isTerminalGone(error)) throw error;
  });
  const abort = new AbortController();
  let signals = 0;
  const stop = (signal: NodeJS.Signals): void => {
    signals++;
    // The first asks everything to stop and clean up; the second does not wait for it.
    if (signals > 1) process.exit(exitCodes.interrupted);
    abort.abort(new Error(`stopped by ${signal}`));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  const terminal = processTerminal(abort.signal);
  try {
    const { runProgram } = await import('./program.ts');
    process.exitCode = await runProgram(argv, terminal);
  } catch (error) {
    process.exitCode = reportError(error, terminal, readSource);
  }
}

function isTerminalGone({ code }: NodeJS.ErrnoException): boolean {
  return code === 'EIO' || code === 'ENXIO';
}

function readSource(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
