import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { checkFileLicenses } from '@melange2/core';
import { buildError } from '@melange2/diagnostics';
import { plainLine } from '@melange2/progress';
import { errors } from '../errors.ts';
import { exitCodes } from '../exit-code.ts';
import { formatProblem } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';

/** Runs `melange2 license-check`. Differences are told, and are no failure: who is right is for people to say. */
export async function runLicenseCheck(
  file: string,
  options: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const { cwd, env, now, signal } = terminal;
  const {
    sourceDir,
    format,
    fix = false,
  } = options as { readonly sourceDir?: string; readonly format: string; readonly fix?: boolean };
  if (fix && !/\.ya?ml$/.test(file))
    throw buildError(errors, 'CLI_USAGE', { problem: `--fix corrects a build file, and ${file} is none.` });
  const found = await checkFileLicenses(
    { file, fix, ...(sourceDir === undefined ? {} : { sourceDir }) },
    { env, cwd, now, version },
    signal,
  );
  if (format === 'json') {
    terminal.stdout(`${JSON.stringify(found, undefined, 2)}\n`);
    return exitCodes.done;
  }
  const { detected, problems, leftOut, fixed } = found;
  if (detected.length === 0) terminal.stderr(`${file} has no file that is called like a licence\n`);
  for (const { path, licenses } of detected) {
    const sure = licenses.map(({ id, confidence }) => `${id} (${Math.floor(confidence * 100)} %)`).join(', ');
    terminal.stdout(`${plainLine(path)}: ${sure || 'unknown'}\n`);
  }
  const source = (name: string): string | undefined =>
    name === file ? readFileSync(resolve(cwd, file), 'utf8') : undefined;
  for (const problem of problems ?? []) terminal.stdout(`${formatProblem(problem, terminal, source)}\n`);
  if (fixed) terminal.stderr(`${file}: package.copyright was corrected\n`);
  if (leftOut > 0) terminal.stderr(`${leftOut} more files were not looked at\n`);
  return exitCodes.done;
}
