import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { findConfigFile, loadPlugins, scanPackages } from '@melange2/core';
import { exitCodes } from '../exit-code.ts';
import { lineDiff } from '../line-diff.ts';
import { formatProblem } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';

interface ScanOptions {
  readonly repositoryAppend: string;
  readonly package?: string;
  readonly arch: string;
  readonly diff?: boolean;
  readonly comments?: boolean;
  readonly namespace: string;
  readonly pipelineDir: readonly string[];
  readonly plugin: readonly string[];
}

/** Runs `melange2 scan`. */
export async function runScan(
  file: string,
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const options = raw as unknown as ScanOptions;
  const { cwd, env, now, signal } = terminal;
  const { packages, missing, warnings } = await scanPackages(
    {
      file,
      architecture: options.arch,
      repository: options.repositoryAppend,
      namespace: options.namespace,
      pipelineDirs: options.pipelineDir.map((folder) => resolve(cwd, folder)),
      buildOptions: [],
      envFiles: [],
      libc: 'gnu',
      ...(options.package === undefined ? {} : { package: options.package }),
    },
    {
      plugins: await loadPlugins(findConfigFile(dirname(resolve(cwd, file))), options.plugin, cwd),
      host: { env, cwd, now, version },
      signal,
    },
  );
  const source = (name: string): string | undefined =>
    name === file ? readFileSync(resolve(cwd, file), 'utf8') : undefined;
  for (const problem of warnings) terminal.stderr(`${formatProblem(problem, terminal, source)}\n`);
  for (const name of missing) terminal.stderr(`${name} is not in the repository and was left out\n`);
  let differs = false;
  for (const { file: path, written, found } of packages) {
    if (options.diff !== true) {
      terminal.stdout(found);
      continue;
    }
    const compared = (text: string): string =>
      options.comments === true ? text : text.replaceAll(/^#.*\n/gm, '');
    const diff = lineDiff(compared(written), compared(found));
    if (diff === '') continue;
    differs = true;
    terminal.stdout(`--- ${path}\n+++ found\n${diff}`);
  }
  return differs ? exitCodes.failed : exitCodes.done;
}
