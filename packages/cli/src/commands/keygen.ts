import { writeKeyPair } from '@melange2/core';
import { resolve } from 'node:path';
import { exitCodes } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';

/** Runs `melange2 keygen`. */
export async function runKeygen(
  file: string,
  options: { readonly keySize: number },
  terminal: Terminal,
): Promise<number> {
  await writeKeyPair(resolve(terminal.cwd, file), options.keySize);
  terminal.stderr(`wrote ${file} (private) and ${file}.pub (public)\n`);
  if (!file.endsWith('.rsa')) {
    terminal.stderr(
      'apk takes index signatures only from keys named *.rsa: name the file so before you use it.\n',
    );
  }
  return exitCodes.done;
}
