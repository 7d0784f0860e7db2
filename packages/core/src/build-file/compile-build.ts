import { parseConfig, type PackageConfig } from '@melange2/config';
import { type Diagnostic, hasErrors, sortDiagnostics } from '@melange2/diagnostics';
import {
  buildsFor,
  compile,
  type CompiledPackage,
  normaliseScript,
  type PipelineCatalogue,
  type PipelineFile,
  pipelineLibrary,
} from '@melange2/pipeline';
import type { ConfigContext } from '@melange2/plugin-api';
import type { BuildRequest } from '../build-request.ts';
import type { EventBus } from '../event-bus.ts';
import { invalidBuildFile } from './invalid-build-file.ts';
import type { Kernel } from '../kernel.ts';
import type { BuildInputs } from './read-inputs.ts';

/** What compiling depends on, besides what is read. */
export type CompileSettings = Pick<BuildRequest, 'file' | 'buildOptions' | 'libc' | 'allowInsecure'>;

/** A build file that is understood, for each of its architectures. */
export interface CompiledBuild {
  readonly config: PackageConfig;
  /** By apk's name of the architecture. Those that the build file excludes are not here. */
  readonly packages: ReadonlyMap<string, CompiledPackage>;
  /** Where pipelines were looked up, those of plugins among them. */
  readonly catalogue: PipelineCatalogue;
}

/**
 * Parses and compiles a build file for each architecture, with the hooks that may change and check it.
 *
 * All problems, of parsing, of pipelines and of every architecture, come in one error; equal ones once. Warnings are
 * told as events.
 *
 * @throws {BuildError} BUILD_FILE_INVALID with all problems in `diagnostics`
 */
export async function compileBuild(
  kernel: Kernel,
  request: CompileSettings,
  inputs: BuildInputs,
  architectures: readonly string[],
  bus: EventBus,
): Promise<CompiledBuild> {
  const { hooks } = kernel;
  // A file may have more problems than a call has room for arguments: lists are joined, not spread.
  let problems: readonly Diagnostic[] = [];
  const parsed = parseConfig(inputs.text, request.file, {
    commit: inputs.commit,
    envFiles: inputs.envFiles,
    buildOptions: request.buildOptions,
    insecure: request.allowInsecure ?? false,
    ...(inputs.varsFile === undefined ? {} : { varsFile: inputs.varsFile }),
  });
  // A check that is not built in may be a plugin's, and those are known when packages are there.
  problems = parsed.diagnostics.filter(
    ({ code }) => code !== 'CONFIG_CHECK_UNKNOWN' || hooks.checkPackage.taps.length === 0,
  );
  if (parsed.value === undefined) throw invalidBuildFile(request.file, problems);
  const context = { file: request.file, folder: inputs.folder };
  const config = await hooks.modifyConfig.promise(parsed.value, context);
  const checked: Diagnostic[] = [];
  hooks.checkConfig.call(config, { report: (problem) => void checked.push(problem) });
  problems = problems.concat(checked);
  const wanted = allowed(config, architectures, bus);
  const packages = new Map<string, CompiledPackage>();
  const found = new Map<string, PipelineFile>();
  for (let again = true; again;) {
    const compiled = compileAll(config, request, wanted, withFound(inputs.catalogue, found));
    again = await findUnknown(compiled.unknown, found, kernel, context);
    if (again) continue;
    problems = problems.concat(compiled.diagnostics);
    for (const [architecture, value] of compiled.packages) packages.set(architecture, value);
  }
  const unique = distinct(problems);
  if (hasErrors(unique)) throw invalidBuildFile(request.file, unique);
  for (const problem of unique) bus.emit({ type: 'problemFound', problem });
  return { config, packages, catalogue: withFound(inputs.catalogue, found) };
}

interface CompiledAll {
  readonly packages: ReadonlyMap<string, CompiledPackage>;
  readonly diagnostics: readonly Diagnostic[];
  /** Names of pipelines that nobody knew. */
  readonly unknown: ReadonlySet<string>;
}

function compileAll(
  config: PackageConfig,
  request: CompileSettings,
  architectures: readonly string[],
  catalogue: PipelineCatalogue,
): CompiledAll {
  const unknown = new Set<string>();
  const library = pipelineLibrary({
    ...catalogue,
    resolve: (name) => {
      const file = catalogue.resolve(name);
      if (file === undefined) unknown.add(name);
      return file;
    },
  });
  const packages = new Map<string, CompiledPackage>();
  let diagnostics: readonly Diagnostic[] = [];
  for (const architecture of architectures) {
    const { libc, buildOptions } = request;
    const compiled = compile(config, {
      architecture,
      library,
      libc,
      buildOptions,
      // Only checks: what runs is the script of a step, which stays as it was written.
      normaliseScript,
    });
    diagnostics = diagnostics.concat(compiled.diagnostics);
    if (compiled.value !== undefined) packages.set(architecture, compiled.value);
  }
  return { packages, diagnostics, unknown };
}

/** Asks the plugins for pipelines that nobody knew; true when one of them had one, and it is worth compiling again. */
async function findUnknown(
  names: ReadonlySet<string>,
  found: Map<string, PipelineFile>,
  { hooks }: Kernel,
  context: ConfigContext,
): Promise<boolean> {
  let more = false;
  for (const name of names) {
    const file = found.has(name) ? undefined : await hooks.resolvePipeline.promise(name, context);
    if (file === undefined) continue;
    found.set(name, file);
    more = true;
  }
  return more;
}

function withFound(
  catalogue: PipelineCatalogue,
  found: ReadonlyMap<string, PipelineFile>,
): PipelineCatalogue {
  return { ...catalogue, resolve: (name) => catalogue.resolve(name) ?? found.get(name) };
}

/** The architectures that the build file allows; those it does not are told. */
function allowed(config: PackageConfig, wanted: readonly string[], bus: EventBus): readonly string[] {
  for (const name of wanted.filter((n) => !buildsFor(config, n))) {
    bus.emit({
      type: 'notice',
      level: 'warning',
      text: `${config.package.name} is not built for ${name}: its target-architecture is ${config.package.targetArchitecture.join(', ')}`,
    });
  }
  return wanted.filter((name) => buildsFor(config, name));
}

/** One list for all architectures: a problem that each of them has is one problem. */
function distinct(problems: readonly Diagnostic[]): Diagnostic[] {
  const seen = new Map<string, Diagnostic>();
  for (const problem of problems) {
    const { code, message, span } = problem;
    const key = JSON.stringify([code, message, span?.file, span?.start.offset, span?.end.offset]);
    if (!seen.has(key)) seen.set(key, problem);
  }
  return sortDiagnostics([...seen.values()]);
}
