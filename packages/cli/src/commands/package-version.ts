import { packageVersion } from '@melange2/core';
import { exitCodes } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';

/** Runs `melange2 package-version`. */
export async function runPackageVersion(file: string, terminal: Terminal): Promise<number> {
  terminal.stdout(await packageVersion(file));
  return exitCodes.done;
}
