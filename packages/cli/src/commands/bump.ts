import { resolve } from 'node:path';
import { bumpPackage } from '@melange2/core';
import { formatPlace } from '@melange2/diagnostics';
import { exitCodes } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';

/** Runs `melange2 bump`. */
export async function runBump(
  file: string,
  version: string,
  { expectedCommit }: { readonly expectedCommit?: string },
  terminal: Terminal,
): Promise<number> {
  const { from, to, checksums, oldCommits } = await bumpPackage(
    {
      path: resolve(terminal.cwd, file),
      file,
      version,
      ...(expectedCommit === undefined ? {} : { expectedCommit }),
    },
    terminal.signal,
  );
  terminal.stderr(`${file}: ${from.version}-r${from.epoch} -> ${to.version}-r${to.epoch}\n`);
  for (const { uri, algorithm, checksum } of checksums) {
    terminal.stderr(`${algorithm} ${checksum} of ${uri}\n`);
  }
  for (const place of oldCommits) {
    terminal.stderr(
      `${formatPlace(place)}: this commit is the one of ${from.version}; --expected-commit changes it\n`,
    );
  }
  return exitCodes.done;
}
