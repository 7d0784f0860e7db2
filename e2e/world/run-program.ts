import { execFile } from 'node:child_process';

export interface RunProgramOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
}

/**
 * Runs a program to its end and returns what it wrote to its standard output.
 *
 * @throws Error with the program's last lines when it exits with anything but 0.
 */
export function runProgram(
  program: string,
  args: readonly string[],
  options: RunProgramOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      [...args],
      {
        ...options,
        env: { ...(options.env ?? process.env), LC_ALL: 'C' },
        maxBuffer: 256 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        if (error === null) {
          resolve(stdout);
          return;
        }
        const said = (stderr.trim() || stdout.trim()).split('\n').slice(-12).join('\n');
        reject(new Error(`${program} ${args[0] ?? ''} failed: ${said || error.message}`, { cause: error }));
      },
    );
  });
}
