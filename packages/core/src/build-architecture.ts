import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { SigningKey, TarEntry } from '@melange2/apk';
import { type Attachables, isSolveError } from '@melange2/buildkit-client';
import { architecture as architectureNames } from '@melange2/config';
import type { FoundDaemon } from '@melange2/daemon';
import { BuildError, type Diagnostic, hasErrors } from '@melange2/diagnostics';
import {
  assemble,
  type Environment,
  lockEnvironment,
  type LockedEnvironment,
  type Transport,
} from '@melange2/environment';
import { type Definition, marshal } from '@melange2/llb';
import {
  analysePackage,
  type AnalysedPackage,
  emitPackage,
  type PackageArtifact,
  packageRecipes,
  parseOwnerNames,
  receiveTrees,
  type ReceivedTrees,
  updateIndex,
} from '@melange2/packager';
import {
  builtConfig,
  type BuildPlan,
  type CompiledPackage,
  lower,
  plan as planBuild,
  type PlanOptions,
} from '@melange2/pipeline';
import type { ArchitectureContext, EnvironmentRequest, ProblemReport } from '@melange2/plugin-api';
import type { PackageWritten } from '@melange2/progress';
import type { BuildRecord } from './build-record.ts';
import type { BuildRequest } from './build-request.ts';
import { withCacheMounts } from './cache-mounts.ts';
import type { CompiledBuild } from './compile-build.ts';
import { errors } from './errors.ts';
import type { EventBus } from './event-bus.ts';
import { exportedPackages, exportState, knownVertices } from './export-state.ts';
import type { Kernel } from './kernel.ts';
import { melangeYaml } from './melange-yaml.ts';
import type { BuildInputs } from './read-inputs.ts';
import { openSourceCache, sourceFolder } from './source-folders.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';
import { sessionOf } from './session-attachments.ts';
import type { StageClock } from './stage-clock.ts';
import { stepFailure } from './step-failure.ts';
import { stepTracker, type KnownVertex, type StepTracker } from './step-tracker.ts';

/** Everything the build of one architecture needs. */
export interface ArchitectureBuild {
  readonly kernel: Kernel;
  readonly request: BuildRequest;
  readonly inputs: BuildInputs;
  readonly compiled: CompiledBuild;
  readonly architecture: string;
  readonly daemon: FoundDaemon;
  readonly transport: Transport;
  readonly bus: EventBus;
  readonly stages: StageClock;
  readonly record: BuildRecord;
  readonly cacheDir: string;
  readonly signal: AbortSignal;
  readonly key?: SigningKey;
}

/**
 * Builds the packages of one architecture: environment, plan, graph, solve, packages, index.
 *
 * @throws {BuildError} as the stages do; the signal's reason when aborted
 */
export async function buildArchitecture(build: ArchitectureBuild): Promise<readonly PackageWritten[]> {
  const { architecture, compiled, stages, kernel, request, inputs, daemon, signal } = build;
  const compiledPackage = compiled.packages.get(architecture);
  if (compiledPackage === undefined) throw new Error(`${architecture} was not compiled`);
  const { config } = compiledPackage;
  const context: ArchitectureContext = {
    file: request.file,
    folder: inputs.folder,
    architecture,
    package: config.package.name,
    version: `${config.package.version}-r${config.package.epoch}`,
  };
  const of = { architecture };
  const capabilities = daemon.client.capabilities({ signal });
  capabilities.catch(() => {});
  const locked = await stages.run(
    'resolve',
    { ...of, detail: (l: LockedEnvironment) => `${l.packages.length} packages` },
    () => resolveEnvironment(build, compiledPackage.packages, context),
  );
  const { llb: caps } = await capabilities;
  const environment = await stages.run('assemble', of, () =>
    assemble(locked, {
      cacheDir: build.cacheDir,
      transport: build.transport,
      caps,
      progressGroup: { id: `environment-${architecture}`, name: 'environment' },
      signal,
    }),
  );
  const epoch = sourceDateEpoch(request.buildDate, kernel.host.env);
  const planned = await stages.run(
    'plan',
    { ...of, detail: (g: PlannedGraph) => `${g.plan.steps.length} steps` },
    () => planGraph(build, compiledPackage, { environment, locked, context, epoch, caps }),
  );
  const received = await stages.run('solve', of, () => solve(build, planned, environment, context));
  try {
    return await packageTrees(build, planned.plan, received, { locked, context, epoch });
  } finally {
    await received.close();
  }
}

async function resolveEnvironment(
  build: ArchitectureBuild,
  packages: readonly string[],
  context: ArchitectureContext,
): Promise<LockedEnvironment> {
  const { kernel, request, compiled, architecture, inputs, cacheDir, transport, signal, bus } = build;
  const { contents } = compiled.config.environment;
  const wanted: EnvironmentRequest = await kernel.hooks.modifyEnvironment.promise(
    {
      packages: [...packages, ...request.packages],
      repositories: [...contents.repositories, ...contents.buildRepositories, ...request.repositories],
      keyring: [...contents.keyring, ...request.keyring],
    },
    context,
  );
  const { value, diagnostics } = await lockEnvironment({
    world: wanted.packages,
    repositories: wanted.repositories,
    keyring: wanted.keyring,
    arch: architecture,
    directory: kernel.host.cwd,
    cacheDir,
    transport,
    ignoreSignatures: request.ignoreSignatures,
    signal,
  });
  if (value === undefined || hasErrors(diagnostics)) {
    const details = {
      package: context.package,
      architecture,
      count: diagnostics.filter((d) => d.severity === 'error').length,
    };
    const { title, message, hint } = errors.BUILD_ENVIRONMENT_UNSOLVABLE;
    throw new BuildError('BUILD_ENVIRONMENT_UNSOLVABLE', title, message(details), details, {
      diagnostics,
      hint: hint?.(details),
    });
  }
  for (const problem of diagnostics) bus.emit({ type: 'problemFound', problem });
  void inputs;
  return value;
}

interface PlannedGraph {
  readonly plan: BuildPlan;
  readonly definition: Definition;
  readonly known: ReadonlyMap<string, KnownVertex>;
  readonly session: Pick<Attachables, 'localDirs' | 'contentStores'>;
}

interface PlanContext {
  readonly environment: Environment;
  readonly locked: LockedEnvironment;
  readonly context: ArchitectureContext;
  readonly epoch: number;
  readonly caps: ReadonlySet<string>;
}

function planGraph(build: ArchitectureBuild, compiled: CompiledPackage, given: PlanContext): PlannedGraph {
  const { kernel, request, inputs, daemon } = build;
  const { hooks } = kernel;
  const { environment, locked, context, epoch, caps } = given;
  const { value, diagnostics } = planBuild(compiled, {
    sourceDateEpoch: epoch,
    network: networkOf(request, daemon),
  });
  if (value === undefined) throw invalidPlan(request.file, diagnostics);
  const plan = withCacheMounts(hooks.modifyPlan.call(value, context), locked, hooks);
  const source = sourceFolder(request, inputs, context.package, kernel.host.cwd);
  const cache = openSourceCache(request.cacheDir, plan.steps);
  const lowered = lower(plan, {
    base: environment.state,
    sourceDateEpoch: epoch,
    trace: request.debug,
    cached: cache.cached,
    readSource: (file) => (file === request.file ? inputs.text : compiled.sources.get(file)),
    lowerStep: (step, before) => {
      const uses = step.uses.at(-1);
      return uses === undefined ? undefined : hooks.lowerStep.for(uses).call(step, { plan, before });
    },
    ...(source === undefined ? {} : { source: source.state }),
    ...(cache.contents === undefined ? {} : { cacheContents: cache.contents }),
  });
  const definition = marshal(exportState(lowered, plan), {
    platform: `linux/${architectureNames(plan.architecture).go}`,
    caps,
    localUniqueId: 'melange2',
  });
  hooks.definitionReady.call(definition, context);
  const { attachables } = environment;
  return {
    plan,
    definition,
    known: knownVertices(definition, plan),
    session: {
      localDirs: { ...attachables.localDirs, ...source?.dirs, ...cache.dirs },
      ...(attachables.contentStores === undefined ? {} : { contentStores: attachables.contentStores }),
    },
  };
}

function invalidPlan(file: string, diagnostics: readonly Diagnostic[]): BuildError {
  const details = { file, count: diagnostics.length };
  const { title, message } = errors.BUILD_FILE_INVALID;
  return new BuildError('BUILD_FILE_INVALID', title, message(details), details, { diagnostics });
}

/**
 * What steps may reach. By default that is what the daemon gives to steps; where it has no network of its own, only
 * steps that fetch sources get the machine's.
 */
function networkOf(request: BuildRequest, daemon: FoundDaemon): NonNullable<PlanOptions['network']> {
  switch (request.network) {
    case 'none':
      return { fetching: 'none', others: 'none' };
    case 'host':
      return { fetching: 'host', others: 'host' };
    default:
      return daemon.stepNetwork === 'host'
        ? { fetching: 'host', others: 'none' }
        : { fetching: 'sandbox', others: 'sandbox' };
  }
}

async function solve(
  build: ArchitectureBuild,
  graph: PlannedGraph,
  environment: Environment,
  context: ArchitectureContext,
): Promise<ReceivedTrees> {
  const { kernel, request, architecture, daemon, bus, record, signal } = build;
  const { plan, definition, known } = graph;
  const host = [...definition.metadata.values()].some((m) => m.caps.has('exec.meta.network'));
  const asked = await kernel.hooks.modifySolve.promise(
    {
      cacheImports: [],
      cacheExports: [],
      entitlements: host && plan.steps.some((s) => s.network === 'host') ? ['network.host'] : [],
    },
    context,
  );
  const tracker = stepTracker({
    bus,
    architecture,
    known,
    logFile: (step, name) => record.logFile(step, name),
  });
  let received: ReceivedTrees | undefined;
  try {
    await daemon.client.build({
      definition,
      session: { ...graph.session, ...sessionOf(kernel.hooks, kernel.redactor) },
      entitlements: asked.entitlements,
      cacheImports: asked.cacheImports.map(({ type, attributes }) => ({ type, attrs: attributes })),
      cacheExports: asked.cacheExports.map(({ type, attributes }) => ({ type, attrs: attributes })),
      exports: [
        {
          kind: 'tar',
          output: async (stream) => {
            received = await receiveTrees(stream, {
              packages: plan.outputs,
              spoolDir: record.folder,
              prefix: exportedPackages,
              buildUser: plan.user,
              owners: parseOwnerNames(environment.passwd, environment.group),
              onOther: (entry) => keepLog(entry, graph, tracker),
              signal,
            });
          },
        },
      ],
      onEvent: (event) => tracker.receive(event),
      signal,
    });
  } catch (error) {
    await received?.close();
    if (isSolveError(error)) throw stepFailure(error, { plan, known, tracker });
    throw error;
  }
  if (received === undefined) throw new Error(`the daemon sent nothing back for ${request.file}`);
  return received;
}

/** Writes the whole output of a step, cached ones too, over what came through the status, which the daemon may clip. */
async function keepLog(entry: TarEntry, graph: PlannedGraph, tracker: StepTracker): Promise<void> {
  const number = /^(?:\.?\/)?logs\/(\d+)$/.exec(entry.name)?.[1];
  const step = number === undefined ? undefined : graph.plan.steps[Number(number)];
  const vertex = [...graph.known].find(([, facts]) => facts.step === step && facts.kind === 'command')?.[0];
  const file = vertex === undefined ? undefined : tracker.logFile(vertex);
  if (file === undefined) return;
  await pipeline(entry.content, createWriteStream(file));
}

async function packageTrees(
  build: ArchitectureBuild,
  plan: BuildPlan,
  received: ReceivedTrees,
  given: Pick<PlanContext, 'locked' | 'context' | 'epoch'>,
): Promise<readonly PackageWritten[]> {
  const { kernel, request, compiled, architecture, inputs, stages, bus, key, signal } = build;
  const { locked, context, epoch } = given;
  const compiledPackage = compiled.packages.get(architecture);
  const config = compiledPackage === undefined ? compiled.config : builtConfig(compiledPackage);
  const of = { architecture };
  const packages = await stages.run('analyse', of, async () => {
    const recipes = packageRecipes(config, {
      arch: architecture,
      commit: inputs.commit,
      namespace: request.namespace,
      stripOriginName: request.stripOriginName,
    });
    const analysed: AnalysedPackage[] = [];
    for (const recipe of recipes) {
      const found = await analysePackage({ recipe, trees: received.trees, order: plan.outputs });
      for (const problem of found.diagnostics) bus.emit({ type: 'problemFound', problem });
      const pkg = await kernel.hooks.modifyPackage.promise(found, context);
      await check(pkg, build);
      analysed.push(pkg);
    }
    return analysed;
  });
  const buildFile = melangeYaml(config, locked);
  const artifacts = await stages.run('emit', of, () =>
    emitAll(packages, { build, buildFile, epoch, signal }),
  );
  const written = artifacts.map((artifact) => tellWritten(artifact, build));
  for (const artifact of artifacts) await kernel.hooks.packageEmitted.promise(artifact, context);
  if (request.generateIndex) {
    await stages.run('index', of, () =>
      updateIndex({
        folder: join(request.outDir, architecture),
        records: artifacts.map((a) => a.record),
        signal,
        ...(key === undefined ? {} : { key }),
      }),
    );
  }
  return written;
}

async function check(pkg: AnalysedPackage, { kernel, bus }: ArchitectureBuild): Promise<void> {
  const problems: Diagnostic[] = [];
  const report: ProblemReport = { report: (problem) => void problems.push(problem) };
  await kernel.hooks.checkPackage.promise(pkg, report);
  for (const problem of problems) bus.emit({ type: 'problemFound', problem });
  const wrong = problems.filter((p) => p.severity === 'error');
  if (wrong.length === 0) return;
  const details = { package: pkg.recipe.name, count: wrong.length };
  const { title, message } = errors.BUILD_PACKAGE_REFUSED;
  throw new BuildError('BUILD_PACKAGE_REFUSED', title, message(details), details, { diagnostics: wrong });
}

interface EmitAll {
  readonly build: ArchitectureBuild;
  readonly buildFile: string;
  readonly epoch: number;
  readonly signal: AbortSignal;
}

/** Writes all packages into a folder aside, then moves them to their places: a failure in the middle leaves none. */
async function emitAll(packages: readonly AnalysedPackage[], given: EmitAll): Promise<PackageArtifact[]> {
  const { build, buildFile, epoch, signal } = given;
  const { request, architecture, key } = build;
  const folder = join(request.outDir, architecture);
  await mkdir(folder, { recursive: true });
  const aside = await mkdtemp(join(request.outDir, '.melange2-'));
  try {
    const made: PackageArtifact[] = [];
    for (const pkg of packages) {
      made.push(
        await emitPackage(pkg, {
          outDir: aside,
          sourceDateEpoch: epoch,
          buildFile,
          signal,
          ...(key === undefined ? {} : { key }),
        }),
      );
    }
    signal.throwIfAborted();
    const placed: PackageArtifact[] = [];
    for (const artifact of made) {
      const path = join(folder, basename(artifact.path));
      await rename(artifact.path, path);
      placed.push({ ...artifact, path });
    }
    return placed;
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

function tellWritten(artifact: PackageArtifact, { bus, architecture }: ArchitectureBuild): PackageWritten {
  const { path, info, sizeBytes, sha256 } = artifact;
  const written = {
    type: 'packageWritten',
    name: info.name,
    version: info.version,
    architecture,
    file: path,
    sizeBytes,
    installedSizeBytes: info.installedSize,
    digest: `sha256:${sha256}`,
  } as const;
  bus.emit(written);
  return { ...written, atMs: 0 };
}
