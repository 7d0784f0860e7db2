import { resolve } from 'node:path';
import { queryPackage } from '@melange2/core';
import { exitCodes } from '../exit-code.ts';
import { formatProblem } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';

/** Runs `melange2 query`. */
export async function runQuery(file: string, template: string, terminal: Terminal): Promise<number> {
  const { output, problem } = await queryPackage(resolve(terminal.cwd, file), file, template);
  terminal.stdout(output);
  if (problem === undefined) return exitCodes.done;
  terminal.stderr(`${formatProblem(problem, terminal, () => template)}\n`);
  return exitCodes.usage;
}
