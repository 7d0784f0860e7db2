import type { CacheMount, CacheStep, RemoteCache } from '@melange2/cache';
import type { PackageConfig } from '@melange2/config';
import type { Exporter, ExportTarget } from '@melange2/exporters';
import type { Definition, State } from '@melange2/llb';
import type { AnalysedPackage, PackageArtifact } from '@melange2/packager';
import type { BuildPlan, PipelineFile, PlannedStep } from '@melange2/pipeline';
import type { BuildEvent } from '@melange2/progress';
import {
  AsyncSeriesBailHook,
  AsyncSeriesHook,
  AsyncSeriesWaterfallHook,
  HookMap,
  SyncBailHook,
  SyncHook,
  SyncWaterfallHook,
} from 'tapable';
import type {
  ArchitectureContext,
  BuilderInfo,
  BuildSummary,
  CacheBackend,
  ConfigContext,
  EnvironmentRequest,
  LowerContext,
  PackageReport,
  ProblemReport,
  SessionAttachments,
  SolveRequest,
} from './contexts.ts';

/**
 * The hooks of one builder. The name says the kind: `modify*` passes a value on, `resolve*` and `lower*` take
 * the first answer, `check*` and `attach*` hand out a collector, a past participle only tells.
 *
 * They run in the order they stand here; those of one architecture may run while those of another do.
 */
export interface BuildHooks {
  /** Tells that all plugins are applied. Kind: sync. Runs once, before anything is read. */
  readonly initialized: SyncHook<[info: BuilderInfo]>;
  /**
   * Rewrites the parsed build file. Kind: waterfall, async. Runs once, after parsing without fatal errors. Return
   * the configuration, changed or not; `undefined` keeps the previous one.
   */
  readonly modifyConfig: AsyncSeriesWaterfallHook<[config: PackageConfig, context: ConfigContext]>;
  /**
   * Checks the build file. Kind: sync, with a collector. Runs once, after `modifyConfig`. Reported problems are told
   * together with those of the file itself; an error stops the build before anything is built.
   */
  readonly checkConfig: SyncHook<[config: PackageConfig, report: ProblemReport]>;
  /**
   * Finds a pipeline by the name that `uses` gives. Kind: bail, async. Runs for names that neither the given folders
   * nor the built-in catalogue have. No answer: `PIPELINE_UNKNOWN`.
   */
  readonly resolvePipeline: AsyncSeriesBailHook<
    [name: string, context: ConfigContext],
    PipelineFile | undefined
  >;
  /**
   * Rewrites what the build environment is made of. Kind: waterfall, async. Runs for each architecture, before the
   * packages are chosen. Return the request, changed or not; `undefined` keeps the previous one.
   */
  readonly modifyEnvironment: AsyncSeriesWaterfallHook<
    [environment: EnvironmentRequest, context: ArchitectureContext]
  >;
  /**
   * Rewrites the plan of one package for one architecture. Kind: waterfall, sync. Runs before `modifyCacheMounts`; and
   * for each test of a package, as a plan without outputs whose steps have ids that start with `test:`. Return the plan,
   * changed or not; `undefined` keeps the previous one.
   */
  readonly modifyPlan: SyncWaterfallHook<[plan: BuildPlan, context: ArchitectureContext]>;
  /**
   * Adds, changes or removes the cache mounts of one step. Kind: waterfall, sync. Runs for each step of a build, after
   * `modifyPlan`; tests have no caches. Return the mounts, changed or not; `undefined` keeps the previous ones.
   */
  readonly modifyCacheMounts: SyncWaterfallHook<[mounts: readonly CacheMount[], step: CacheStep]>;
  /**
   * Replaces a step by a graph of its own, by the innermost pipeline it comes from. Kind: bail, sync. Runs for each
   * step of a build with a pipeline, in order; the steps of a test are one exec. No answer: the step becomes one exec.
   */
  readonly lowerStep: HookMap<SyncBailHook<[step: PlannedStep, context: LowerContext], State | undefined>>;
  /** Tells that the graph is made. Kind: sync. Runs for each architecture, before the daemon is asked. */
  readonly definitionReady: SyncHook<[definition: Definition, context: ArchitectureContext]>;
  /** Makes the backend of a remote cache, by its type. Kind: bail, sync. No answer: the daemon is asked for the type. */
  readonly resolveCacheBackend: HookMap<SyncBailHook<[cache: RemoteCache], CacheBackend | undefined>>;
  /** Makes the exporter of a target, by its kind. Kind: bail, sync. No answer: `EXPORT_KIND_UNKNOWN`. */
  readonly resolveExporter: HookMap<SyncBailHook<[target: ExportTarget], Exporter | undefined>>;
  /**
   * Rewrites what the daemon is asked. Kind: waterfall, async. Runs for each architecture, after `definitionReady`.
   * Return the request, changed or not; `undefined` keeps the previous one. A test exports no caches.
   */
  readonly modifySolve: AsyncSeriesWaterfallHook<[request: SolveRequest, context: ArchitectureContext]>;
  /** Collects what the daemon may ask the client for. Kind: sync, with a collector. Runs before each solve. */
  readonly attachSession: SyncHook<[session: SessionAttachments]>;
  /**
   * Tells what happens, as it happens. Kind: sync. Runs for each event, in order; a tap that fails is dropped
   * with one warning.
   */
  readonly eventReceived: SyncHook<[event: BuildEvent]>;
  /**
   * Rewrites a package before it is written. Kind: waterfall, async. Runs for each package, after its files were
   * looked at. Return the package, changed or not; `undefined` keeps the previous one. What it needs and offers is
   * changed in `found`; `dependencies` is made of `recipe` and `found` again afterwards.
   */
  readonly modifyPackage: AsyncSeriesWaterfallHook<[pkg: AnalysedPackage, context: ArchitectureContext]>;
  /**
   * Checks a package. Kind: async series, with a collector. Runs for each package, after `modifyPackage` and before
   * its description (SBOM) is added; nothing is written yet. A reported error fails the build; linters that are handed
   * over run afterwards, beside the built-in ones.
   */
  readonly checkPackage: AsyncSeriesHook<[pkg: AnalysedPackage, report: PackageReport]>;
  /** Tells that a package is at its place. Kind: async series. Runs for each package, before the index is written. */
  readonly packageEmitted: AsyncSeriesHook<[artifact: PackageArtifact, context: ArchitectureContext]>;
  /**
   * Tells that the build ended, succeeded, failed or canceled. Kind: async series. All taps run; failures are
   * collected.
   */
  readonly buildFinished: AsyncSeriesHook<[summary: BuildSummary]>;
  /** Tells that the builder is done; whoever holds a handle lets go. Kind: async series. All taps run. */
  readonly closed: AsyncSeriesHook<[]>;
}

/** Makes the hooks of one builder. */
export function createBuildHooks(): BuildHooks {
  return {
    initialized: new SyncHook<[info: BuilderInfo]>(['info']),
    modifyConfig: new AsyncSeriesWaterfallHook<[config: PackageConfig, context: ConfigContext]>([
      'config',
      'context',
    ]),
    checkConfig: new SyncHook<[config: PackageConfig, report: ProblemReport]>(['config', 'report']),
    resolvePipeline: new AsyncSeriesBailHook<
      [name: string, context: ConfigContext],
      PipelineFile | undefined
    >(['name', 'context']),
    modifyEnvironment: new AsyncSeriesWaterfallHook<
      [environment: EnvironmentRequest, context: ArchitectureContext]
    >(['environment', 'context']),
    modifyPlan: new SyncWaterfallHook<[plan: BuildPlan, context: ArchitectureContext]>(['plan', 'context']),
    modifyCacheMounts: new SyncWaterfallHook<[mounts: readonly CacheMount[], step: CacheStep]>([
      'mounts',
      'step',
    ]),
    lowerStep: new HookMap(
      () =>
        new SyncBailHook<[step: PlannedStep, context: LowerContext], State | undefined>(['step', 'context']),
    ),
    definitionReady: new SyncHook<[definition: Definition, context: ArchitectureContext]>([
      'definition',
      'context',
    ]),
    resolveCacheBackend: new HookMap(
      () => new SyncBailHook<[cache: RemoteCache], CacheBackend | undefined>(['cache']),
    ),
    resolveExporter: new HookMap(
      () => new SyncBailHook<[target: ExportTarget], Exporter | undefined>(['target']),
    ),
    modifySolve: new AsyncSeriesWaterfallHook<[request: SolveRequest, context: ArchitectureContext]>([
      'request',
      'context',
    ]),
    attachSession: new SyncHook<[session: SessionAttachments]>(['session']),
    eventReceived: new SyncHook<[event: BuildEvent]>(['event']),
    modifyPackage: new AsyncSeriesWaterfallHook<[pkg: AnalysedPackage, context: ArchitectureContext]>([
      'pkg',
      'context',
    ]),
    checkPackage: new AsyncSeriesHook<[pkg: AnalysedPackage, report: PackageReport]>(['pkg', 'report']),
    packageEmitted: new AsyncSeriesHook<[artifact: PackageArtifact, context: ArchitectureContext]>([
      'artifact',
      'context',
    ]),
    buildFinished: new AsyncSeriesHook<[summary: BuildSummary]>(['summary']),
    closed: new AsyncSeriesHook<[]>([]),
  };
}
