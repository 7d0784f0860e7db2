import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { compilePackage, findConfigFile, loadPlugins } from '@melange2/core';
import { exitCodes } from '../exit-code.ts';
import { findBuildFile } from '../find-build-file.ts';
import { formatProblem } from '../report-error.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';

interface CompileOptions {
  readonly arch: string;
  readonly pipelineDir: readonly string[];
  readonly buildOption: readonly string[];
  readonly envFile: readonly string[];
  readonly varsFile?: string;
  readonly gitCommit?: string;
  readonly gitRepoUrl?: string;
  readonly overrideHostTripletLibcSubstitutionFlavor: 'gnu' | 'musl';
  readonly cpu?: string;
  readonly cpumodel?: string;
  readonly memory?: string;
  readonly disk?: string;
  readonly timeout?: number;
  readonly pretty?: boolean;
  readonly plugin: readonly string[];
}

/** Runs `melange2 compile`. */
export async function runCompile(
  given: string | undefined,
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const options = raw as unknown as CompileOptions;
  const { cwd, env, now } = terminal;
  const path = (p: string): string => resolve(cwd, p);
  const file = given === undefined || given === '' ? findBuildFile(cwd) : given;
  const { cpu, cpumodel, memory, disk } = options;
  const { json, architecture, warnings } = await compilePackage(
    {
      file,
      architecture: options.arch,
      pipelineDirs: options.pipelineDir.map(path),
      buildOptions: options.buildOption,
      envFiles: options.envFile.map(path),
      libc: options.overrideHostTripletLibcSubstitutionFlavor,
      resources: {
        ...(cpu === undefined ? {} : { cpu }),
        ...(cpumodel === undefined ? {} : { cpuModel: cpumodel }),
        ...(memory === undefined ? {} : { memory }),
        ...(disk === undefined ? {} : { disk }),
      },
      ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
      ...(options.varsFile === undefined ? {} : { varsFile: path(options.varsFile) }),
      ...(options.gitCommit === undefined ? {} : { gitCommit: options.gitCommit }),
      ...(options.gitRepoUrl === undefined ? {} : { gitRepoUrl: options.gitRepoUrl }),
    },
    {
      plugins: await loadPlugins(findConfigFile(dirname(path(file))), options.plugin, cwd),
      host: { env, cwd, now, version },
    },
  );
  const source = (name: string): string | undefined =>
    name === file ? readFileSync(path(file), 'utf8') : undefined;
  for (const problem of warnings) terminal.stderr(`${formatProblem(problem, terminal, source)}\n`);
  if (json === undefined) {
    terminal.stderr(`${file} is not for ${architecture}: see its target-architecture\n`);
    return exitCodes.failed;
  }
  terminal.stdout(options.pretty === true ? `${JSON.stringify(JSON.parse(json), undefined, 2)}\n` : json);
  return exitCodes.done;
}
