import { resolve } from 'node:path';
import { findConfigFile, lintFiles, listLinters, loadPlugins } from '@melange2/core';
import { buildError } from '@melange2/diagnostics';
import { errors } from '../errors.ts';
import { exitCodes } from '../exit-code.ts';
import { formatProblem } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';

interface LintOptions {
  readonly list?: boolean;
  readonly lintRequire?: readonly string[];
  readonly lintWarn?: readonly string[];
  readonly persistLintResults?: boolean;
  readonly outDir: string;
  readonly plugin: readonly string[];
}

/** Runs `melange2 lint`. */
export async function runLint(
  files: readonly string[],
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const options = raw as unknown as LintOptions;
  if (options.list === true) {
    const width = Math.max(...listLinters().map(({ name }) => name.length));
    for (const { name, level, explain } of listLinters()) {
      terminal.stdout(`${name.padEnd(width)}  ${level.padEnd(7)}  ${explain}\n`);
    }
    return exitCodes.done;
  }
  if (files.length === 0) throw buildError(errors, 'CLI_USAGE', { problem: 'Name the packages to lint.' });
  const { cwd, env, now, signal } = terminal;
  const { lintRequire, lintWarn } = options;
  const linted = await lintFiles(
    {
      files: files.map((file) => (/^https?:\/\//.test(file) ? file : resolve(cwd, file))),
      outDir: resolve(cwd, options.outDir),
      persistLintResults: options.persistLintResults ?? false,
      ...(lintRequire === undefined ? {} : { lintRequire }),
      ...(lintWarn === undefined ? {} : { lintWarn }),
    },
    {
      plugins: await loadPlugins(findConfigFile(cwd), options.plugin, cwd),
      host: { env, cwd, now, version },
      signal,
    },
  );
  for (const [i, { package: name, problems }] of linted.entries()) {
    const count =
      problems.length === 1 ? 'one problem' : `${problems.length === 0 ? 'no' : problems.length} problems`;
    terminal.stdout(`${terminal.colors.bold(name ?? files[i] ?? '')}: ${count}\n`);
    for (const problem of problems) terminal.stdout(`${formatProblem(problem, terminal, () => undefined)}\n`);
  }
  const failed = linted.some(({ problems }) => problems.some((p) => p.severity === 'error'));
  return failed ? exitCodes.failed : exitCodes.done;
}
