import { indexPackages, readSigningKey } from '@melange2/core';
import { resolve } from 'node:path';
import { exitCodes } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';

interface IndexOptions {
  readonly output: string;
  readonly source: string;
  readonly arch?: string;
  readonly merge?: boolean;
  readonly signingKey?: string;
}

/** Runs `melange2 index`. */
export async function runIndex(
  files: readonly string[],
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const options = raw as unknown as IndexOptions;
  const path = (file: string): string => resolve(terminal.cwd, file);
  const { signingKey, arch } = options;
  const done = await indexPackages({
    packages: files.map(path),
    output: path(options.output),
    ...(options.merge === true ? { mergeFrom: path(options.source) } : {}),
    ...(arch === undefined ? {} : { architecture: arch }),
    ...(signingKey === undefined ? {} : { key: await readSigningKey(path(signingKey), terminal.env) }),
  });
  for (const file of done.skipped) terminal.stderr(`left out ${file}: it is not for ${arch ?? ''}\n`);
  terminal.stderr(`wrote ${options.output} (${done.records} packages)\n`);
  return exitCodes.done;
}
