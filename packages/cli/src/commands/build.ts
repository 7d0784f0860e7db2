import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Builder, createBuilder, findConfigFile, loadPlugins, type BuildRequest } from '@melange2/core';
import { buildError } from '@melange2/diagnostics';
import type { Plugin } from '@melange2/plugin-api';
import { defaultPlugins } from '../default-plugins.ts';
import { errors } from '../errors.ts';
import { exitCodes } from '../exit-code.ts';
import { findBuildFile } from '../find-build-file.ts';
import { namedCacheMounts } from '../named-cache-mounts.ts';
import type { PerStep } from '../option-values.ts';
import { progressPlugin } from '../progress-plugin.ts';
import { reportError } from '../report-error.ts';
import { visitFailedStep } from '../step-shell.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';

/** Used when it is there; the folder of `--cache-dir` is made. */
const conventionalCacheDir = 'melange-cache';
const signingKeyNames = ['melange.rsa', 'local-signing.rsa'];

/** The flags of `build`, as they are given to a command that has all or some of them. */
export interface BuildOptions {
  readonly arch: readonly string[];
  readonly buildOption: readonly string[];
  readonly sourceDir?: string;
  readonly emptyWorkspace?: boolean;
  readonly envFile: readonly string[];
  readonly varsFile?: string;
  readonly pipelineDir: readonly string[];
  readonly pipelineDirs: readonly string[];
  readonly overrideHostTripletLibcSubstitutionFlavor: 'gnu' | 'musl';
  readonly repositoryAppend: readonly string[];
  readonly keyringAppend: readonly string[];
  readonly packageAppend: readonly string[];
  readonly ignoreSignatures?: boolean;
  readonly apkCacheDir?: string;
  readonly cacheDir?: string;
  readonly outDir: string;
  readonly signingKey?: string;
  readonly generateIndex: boolean;
  readonly namespace: string;
  readonly stripOriginName?: boolean;
  readonly createBuildLog?: boolean;
  readonly dependencyLog?: string;
  readonly generateProvenance?: boolean;
  readonly lintRequire?: readonly string[];
  readonly lintWarn?: readonly string[];
  readonly persistLintResults?: boolean;
  readonly gitCommit?: string;
  readonly gitRepoUrl?: string;
  readonly license: string;
  readonly buildDate?: string;
  readonly buildkit?: string;
  readonly buildkitAddr?: string;
  readonly network: PerStep<BuildRequest['network']>;
  readonly stepTimeout: PerStep<number>;
  readonly allow?: 'security.insecure';
  readonly cpu?: string;
  readonly memory?: string;
  readonly progress: string;
  readonly debug?: boolean;
  readonly timeout?: number;
  readonly trace?: string;
  readonly plugin: readonly string[];
  readonly onFailure?: 'ask' | 'shell' | 'none';
  readonly interactive?: boolean;
  readonly exportOnFailure?: string;
  readonly exportRef?: string;
  /** Not there for `test`. */
  readonly cacheFrom?: readonly string[];
  readonly cacheTo?: readonly string[];
  readonly cacheMount?: readonly string[];
  /** False with `--no-cache-mounts`. */
  readonly cacheMounts: boolean;
}

/** Runs `melange2 build`. */
export async function runBuild(
  file: string | undefined,
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const options = raw as unknown as BuildOptions;
  const builder = createBuilder({
    plugins: await pluginsOf(file, options, terminal),
    host: { env: terminal.env, cwd: terminal.cwd, now: terminal.now, version },
  });
  return closing(builder, terminal, async () => {
    const request = buildRequest(file, options, terminal);
    await builder.build({ ...request, ...onFailure(options, terminal) }, terminal.signal);
    return exitCodes.done;
  });
}

/** Closes the builder after `work`; when both fail, the failure of `work` is the one that counts. */
export async function closing<T>(builder: Builder, terminal: Terminal, work: () => Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await builder.close().catch((failure: unknown) => reportError(failure, terminal, () => undefined));
    throw error;
  }
  await builder.close();
  return result;
}

/** Runs `melange2 test`. */
export async function runTest(
  file: string,
  packageName: string | undefined,
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const options = { ...withoutFlags, ...(raw as unknown as Partial<BuildOptions>) } as BuildOptions &
    TestOptions;
  const builder = createBuilder({
    plugins: await pluginsOf(file, options, terminal),
    host: { env: terminal.env, cwd: terminal.cwd, now: terminal.now, version },
  });
  return closing(builder, terminal, async () => {
    const request = {
      ...buildRequest(file, options, terminal),
      packages: options.testPackageAppend,
      ...(packageName === undefined ? {} : { packageUnderTest: packageName }),
    };
    const { passed } = await builder.test(request, terminal.signal);
    for (const { package: name, architecture } of passed) terminal.stdout(`ok ${name} (${architecture})\n`);
    if (passed.length === 0) terminal.stderr(`${file} has no tests\n`);
    return exitCodes.done;
  });
}

interface TestOptions {
  readonly testPackageAppend: readonly string[];
}

/** What stands for flags of `build` that a command does not have. */
export const withoutFlags: Pick<
  BuildOptions,
  'packageAppend' | 'outDir' | 'generateIndex' | 'namespace' | 'license' | 'cacheMounts'
> = {
  packageAppend: [],
  outDir: './packages',
  generateIndex: false,
  namespace: 'unknown',
  license: 'NOASSERTION',
  cacheMounts: false,
};

/** What is done when a step fails: nothing unless asked for, or asked about on a terminal. */
function onFailure(
  options: BuildOptions,
  terminal: Terminal,
): Pick<BuildRequest, 'onFailedStep' | 'exportOnFailure'> {
  const action =
    options.interactive === true ? 'shell' : (options.onFailure ?? (terminal.interactive ? 'ask' : 'none'));
  const kind = options.exportOnFailure ?? 'none';
  return {
    ...(action === 'none' ? {} : { onFailedStep: visitFailedStep(action, terminal) }),
    ...(kind === 'none'
      ? {}
      : { exportOnFailure: exportTarget(kind, options.exportRef ?? '', '--export-ref') }),
  };
}

/**
 * Reads `REF,KEY=VALUE,…`, as `flag` has it.
 *
 * @throws {BuildError} CLI_USAGE
 */
export function exportTarget(
  kind: string,
  text: string,
  flag: string,
): NonNullable<BuildRequest['exportOnFailure']> {
  const [ref = '', ...settings] = text.split(',');
  if (ref === '') {
    throw buildError(errors, 'CLI_USAGE', { problem: `An export to ${kind} needs ${flag}.` });
  }
  const attributes = Object.fromEntries(
    settings.map((part) => [part.split('=')[0] ?? '', part.split('=').slice(1).join('=')]),
  );
  return { kind, ref, attributes };
}

/** All plugins of a build: the renderer, those that come with melange2, those of the user. */
export async function pluginsOf(
  file: string | undefined,
  options: BuildOptions,
  terminal: Terminal,
): Promise<Plugin[]> {
  const folder = file === undefined ? terminal.cwd : dirname(resolve(terminal.cwd, file));
  const own = await loadPlugins(findConfigFile(folder), options.plugin, terminal.cwd);
  // One that comes with melange2 gives way to one of its name, so that it can be given options.
  const replaced = new Set(own.map((plugin: Partial<Plugin> | undefined) => plugin?.name));
  return [
    await progressPlugin(options.progress, terminal),
    ...(await defaultPlugins(options.cacheMounts)).filter(({ name }) => !replaced.has(name)),
    ...namedCacheMounts(options.cacheMount ?? []),
    ...own,
  ];
}

/** What a build is asked, from its flags. */
export function buildRequest(
  file: string | undefined,
  options: BuildOptions,
  terminal: Terminal,
): BuildRequest {
  const { cwd } = terminal;
  const path = (p: string): string => resolve(cwd, p);
  const buildFile = file ?? findBuildFile(cwd);
  const pipelineDirs = [...options.pipelineDir, ...options.pipelineDirs];
  const conventionalPipelines = join(cwd, 'pipelines');
  if (pipelineDirs.length === 0 && isDirectory(conventionalPipelines))
    pipelineDirs.push(conventionalPipelines);
  const signingKey = options.signingKey ?? signingKeyNames.find((name) => existsSync(join(cwd, name)));
  const conventionalCache = isDirectory(join(cwd, conventionalCacheDir)) ? conventionalCacheDir : undefined;
  const cacheDir = options.cacheDir ?? conventionalCache;
  const address = options.buildkit ?? options.buildkitAddr;
  return {
    file: buildFile,
    architectures: options.arch,
    buildOptions: options.buildOption,
    envFiles: options.envFile.map(path),
    pipelineDirs: pipelineDirs.map(path),
    libc: options.overrideHostTripletLibcSubstitutionFlavor,
    repositories: options.repositoryAppend,
    keyring: options.keyringAppend,
    packages: options.packageAppend,
    ignoreSignatures: options.ignoreSignatures ?? false,
    emptyWorkspace: options.emptyWorkspace ?? false,
    outDir: path(options.outDir),
    generateIndex: options.generateIndex,
    namespace: options.namespace,
    stripOriginName: options.stripOriginName ?? false,
    createBuildLog: options.createBuildLog ?? false,
    generateProvenance: options.generateProvenance ?? false,
    persistLintResults: options.persistLintResults ?? false,
    license: options.license,
    debug: options.debug ?? false,
    network: options.network.all ?? 'default',
    stepNetworks: options.network.steps,
    stepTimeoutsMs: options.stepTimeout.steps,
    ...(options.stepTimeout.all === undefined ? {} : { stepTimeoutMs: options.stepTimeout.all }),
    allowInsecure: options.allow === 'security.insecure',
    ...(options.cpu === undefined ? {} : { cpu: options.cpu }),
    ...(options.memory === undefined ? {} : { memory: options.memory }),
    cacheFrom: options.cacheFrom ?? [],
    cacheTo: options.cacheTo ?? [],
    cacheMounts: options.cacheMounts,
    loaded: { plugins: options.plugin, cacheMounts: options.cacheMount ?? [] },
    ...(options.sourceDir === undefined ? {} : { sourceDir: path(options.sourceDir) }),
    ...(options.varsFile === undefined ? {} : { varsFile: path(options.varsFile) }),
    ...(options.apkCacheDir === undefined ? {} : { apkCacheDir: path(options.apkCacheDir) }),
    ...(cacheDir === undefined ? {} : { cacheDir: path(cacheDir) }),
    ...(signingKey === undefined ? {} : { signingKey: path(signingKey) }),
    ...(options.dependencyLog === undefined ? {} : { dependencyLog: path(options.dependencyLog) }),
    ...(options.lintRequire === undefined ? {} : { lintRequire: options.lintRequire }),
    ...(options.lintWarn === undefined ? {} : { lintWarn: options.lintWarn }),
    ...(options.gitCommit === undefined ? {} : { gitCommit: options.gitCommit }),
    ...(options.gitRepoUrl === undefined ? {} : { gitRepoUrl: options.gitRepoUrl }),
    ...(options.buildDate === undefined ? {} : { buildDate: options.buildDate }),
    ...(address === undefined ? {} : { address }),
    ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
    ...(options.trace === undefined ? {} : { traceFile: path(options.trace) }),
  };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
