import pc from 'picocolors';
import { runProgram } from '../program.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process, with a folder as its working directory and no terminal. */
export async function runInFolder(cwd: string, ...argv: readonly string[]): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  const code = await runProgram(argv, {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    colors: pc.createColors(false),
    env: {},
    cwd,
    interactive: false,
    columns: () => undefined,
    rows: () => undefined,
    signal: new AbortController().signal,
    now: () => 0,
  });
  return { code, stdout, stderr };
}
