import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type CheckedFile, checkFiles, findConfigFile, loadPlugins } from '@melange2/core';
import type { Diagnostic } from '@melange2/diagnostics';
import { exitCodes } from '../exit-code.ts';
import { formatProblem } from '../report-error.ts';
import { sarifLog } from '../sarif.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';

interface CheckOptions {
  readonly format: 'pretty' | 'json' | 'github' | 'sarif';
  readonly arch: readonly string[];
  readonly pipelineDir: readonly string[];
  readonly buildOption: readonly string[];
  readonly envFile: readonly string[];
  readonly varsFile?: string;
  readonly strict?: boolean;
  readonly plugin: readonly string[];
}

/** Runs `melange2 check`. */
export async function runCheck(
  files: readonly string[],
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const options = raw as unknown as CheckOptions;
  const { cwd, env, now } = terminal;
  const path = (p: string): string => resolve(cwd, p);
  const [first = '.'] = files;
  const checked = await checkFiles(
    {
      files,
      architectures: options.arch,
      pipelineDirs: options.pipelineDir.map(path),
      buildOptions: options.buildOption,
      envFiles: options.envFile.map(path),
      libc: 'gnu',
      ...(options.varsFile === undefined ? {} : { varsFile: path(options.varsFile) }),
    },
    {
      plugins: await loadPlugins(findConfigFile(dirname(path(first))), options.plugin, cwd),
      host: { env, cwd, now, version },
    },
  );
  const problems = checked.flatMap((file) => file.problems);
  print(checked, problems, options.format, terminal);
  const wrong = problems.filter(
    (p) => p.severity === 'error' || (options.strict === true && p.severity === 'warning'),
  );
  return wrong.length > 0 ? exitCodes.usage : exitCodes.done;
}

function print(
  checked: readonly CheckedFile[],
  problems: readonly Diagnostic[],
  format: CheckOptions['format'],
  terminal: Terminal,
): void {
  switch (format) {
    case 'json':
      terminal.stdout(`${JSON.stringify(checked, undefined, 2)}\n`);
      break;
    case 'sarif':
      terminal.stdout(`${JSON.stringify(sarifLog(problems, version), undefined, 2)}\n`);
      break;
    case 'github':
      for (const problem of problems) terminal.stdout(`${annotation(problem)}\n`);
      break;
    case 'pretty': {
      const source = (file: string): string | undefined => {
        try {
          return readFileSync(resolve(terminal.cwd, file), 'utf8');
        } catch {
          return undefined;
        }
      };
      for (const problem of problems) terminal.stdout(`${formatProblem(problem, terminal, source)}\n`);
      const count = (severity: string): number => problems.filter((p) => p.severity === severity).length;
      const files = checked.length === 1 ? '1 file' : `${checked.length} files`;
      terminal.stderr(`${files}: ${count('error')} errors, ${count('warning')} warnings\n`);
    }
  }
}

function annotation({ severity, code, message, span }: Diagnostic): string {
  const escape = (text: string): string =>
    text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const property = (text: string): string => escape(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
  const level = { error: 'error', warning: 'warning', info: 'notice' }[severity];
  const place =
    span === undefined
      ? ''
      : `file=${property(span.file)},line=${span.start.line},endLine=${span.end.line},col=${span.start.column},`;
  return `::${level} ${place}title=${property(code)}::${escape(message)}`;
}
