import { readSigningKey, signIndexFile, signPackages } from '@melange2/core';
import { resolve } from 'node:path';
import { exitCodes } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';

/** Runs `melange2 sign`. */
export async function runSign(
  files: readonly string[],
  options: { readonly signingKey: string },
  terminal: Terminal,
): Promise<number> {
  const key = await readSigningKey(resolve(terminal.cwd, options.signingKey), terminal.env);
  const paths = files.map((file) => resolve(terminal.cwd, file));
  await signPackages(paths, key, (file) => terminal.stderr(`signed ${file}\n`));
  return exitCodes.done;
}

/** Runs `melange2 sign-index`. */
export async function runSignIndex(
  file: string,
  options: { readonly signingKey: string; readonly force?: boolean },
  terminal: Terminal,
): Promise<number> {
  const key = await readSigningKey(resolve(terminal.cwd, options.signingKey), terminal.env);
  const signed = await signIndexFile(resolve(terminal.cwd, file), key, options.force ?? false);
  terminal.stderr(signed ? `signed ${file}\n` : `${file} is signed already; --force signs it again\n`);
  return exitCodes.done;
}
