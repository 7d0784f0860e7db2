import { resolve } from 'node:path';
import { packageVersion } from '@melange2/core';
import { exitCodes } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';

/** Runs `melange2 package-version`. */
export async function runPackageVersion(file: string, terminal: Terminal): Promise<number> {
  terminal.stdout(await packageVersion(resolve(terminal.cwd, file), file));
  return exitCodes.done;
}
