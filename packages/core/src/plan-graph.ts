import type { Attachables } from '@melange2/buildkit-client';
import { architecture as architectureNames } from '@melange2/config';
import type { FoundDaemon } from '@melange2/daemon';
import { BuildError, type Diagnostic } from '@melange2/diagnostics';
import type { Environment, LockedEnvironment } from '@melange2/environment';
import { type Definition, marshal, type State } from '@melange2/llb';
import {
  type BuildPlan,
  lower,
  type LowerOptions,
  type PlannedStep,
  plan as planBuild,
  type PlanOptions,
  compilerFiles,
  withPaths,
} from '@melange2/pipeline';
import { type ArchitectureBuild, compiledOf, contextOf } from './architecture-build.ts';
import type { BuildRequest } from './build-request.ts';
import { cacheDirActions } from './caches/cache-dir-actions.ts';
import { withCacheMounts } from './caches/cache-mounts.ts';
import { errors } from './errors.ts';
import { exportState, knownVertices } from './export-state.ts';
import { licenseActions } from './packages/license-files.ts';
import { openSourceCache, sourceFolder } from './build-file/source-folders.ts';
import { stepResources } from './steps/step-resources.ts';
import { tellKeptCapabilities } from './steps/kept-capabilities.ts';
import { tellUnknownSteps } from './steps/step-limits.ts';
import type { KnownVertex } from './steps/step-tracker.ts';

/** A build as the daemon is asked to do it. */
export interface PlannedGraph {
  readonly plan: BuildPlan;
  readonly definition: Definition;
  readonly known: ReadonlyMap<string, KnownVertex>;
  /** What the graph was lowered with, for graphs of a part of it. */
  readonly lowerOptions: LowerOptions;
  readonly caps: ReadonlySet<string>;
  readonly session: Pick<Attachables, 'localDirs' | 'contentStores'>;
}

/** What a plan is made from, besides the build file. */
export interface PlanContext {
  readonly environment: Environment;
  readonly locked: LockedEnvironment;
  readonly epoch: number;
  readonly caps: ReadonlySet<string>;
  /** Whether steps keep their output for the case that they fail. */
  readonly failedLogs: boolean;
  /** Whether the daemon downloads files itself where it can, instead of the steps. Default true. */
  readonly nativeSources?: boolean;
  /** Of the folders that are sent: new for each build, so that none sees the files of another one. */
  readonly localUniqueId: string;
}

/**
 * How many layers a root may have, with some to spare. A Docker engine's own image store, which cannot merge, refuses 126;
 * with overlayfs of containerd, mounts fail at some 450, sooner on daemons that have made many layers: docs/adr/0013.
 */
const maxLayers = (caps: ReadonlySet<string>): number => (caps.has('mergeop') ? 340 : 115);

/**
 * Plans the steps of a build and makes their graph.
 *
 * @throws {BuildError} BUILD_FILE_INVALID when an assertion of the build file does not hold
 */
export function planGraph(build: ArchitectureBuild, given: PlanContext): PlannedGraph {
  const compiled = compiledOf(build);
  const context = contextOf(build);
  const { kernel, request, inputs, daemon } = build;
  const { hooks } = kernel;
  const { environment, locked, epoch, caps } = given;
  const { value, diagnostics } = planBuild(compiled, {
    sourceDateEpoch: epoch,
    network: networkOf(request, daemon),
    insecure: request.allowInsecure ?? false,
  });
  if (value === undefined) throw invalidPlan(request.file, diagnostics);
  tellUnknownSteps(build, value.steps);
  const modified = hooks.modifyPlan.call({ ...value, steps: withStepNetworks(value.steps, build) }, context);
  const plan = request.cacheMounts === false ? modified : withCacheMounts(modified, locked, hooks);
  tellKeptCapabilities(build, plan.steps, environment);
  const source = sourceFolder(request, inputs, context.package, given.localUniqueId, kernel.host);
  const cache = openSourceCache(request.cacheDir, plan.steps, given.localUniqueId);
  const lowerOptions: LowerOptions = {
    base: withPaths(environment.state, compiled.config.environment.paths),
    sourceDateEpoch: epoch,
    ...stepResources(build, caps),
    capabilityTool: environment.capabilityTool,
    layers: { base: environment.depth, max: maxLayers(caps) },
    cached: cache.cached,
    keeps: cache.keeps,
    nativeSources: given.nativeSources ?? true,
    failedLogs: given.failedLogs,
    workspaceFiles: compilerFiles(compiled.config, {
      architecture: plan.architecture,
      namespace: request.namespace,
    }),
    readSource: (file) => (file === request.file ? inputs.text : compiled.sources.get(file)),
    lowerStep: (step, before) => {
      const uses = step.uses.at(-1);
      return uses === undefined ? undefined : hooks.lowerStep.for(uses).call(step, { plan, before });
    },
    ...(source === undefined ? {} : { source: source.state }),
    ...(cache.contents === undefined ? {} : { cacheContents: cache.contents }),
  };
  const lowered = lower(plan, lowerOptions);
  const output = exportState(lowered, plan, [
    ...licenseActions(lowered.workspace, compiled.config, caps),
    ...(request.cacheDir === undefined ? [] : cacheDirActions(lowered, caps)),
  ]);
  const definition = definitionOf({ plan, caps }, output);
  hooks.definitionReady.call(definition, context);
  const { attachables } = environment;
  return {
    plan,
    definition,
    known: knownVertices(definition, plan),
    lowerOptions,
    caps,
    session: {
      localDirs: { ...attachables.localDirs, ...source?.dirs, ...cache.dirs },
      ...(attachables.contentStores === undefined ? {} : { contentStores: attachables.contentStores }),
    },
  };
}

/** Gives steps the network that was asked for by their names. */
export function withStepNetworks(
  steps: readonly PlannedStep[],
  { request, daemon }: Pick<ArchitectureBuild, 'request' | 'daemon'>,
): readonly PlannedStep[] {
  return steps.map((step) => {
    const mode = request.stepNetworks?.[step.name];
    if (mode === undefined) return step;
    const { fetching, others } = networkOf({ ...request, network: mode }, daemon);
    return { ...step, network: fetches(step) ? fetching : others };
  });
}

function fetches({ uses }: PlannedStep): boolean {
  return ['fetch', 'git-checkout'].includes(uses.at(-1) ?? '');
}

/** The graph that makes a state of a planned build. */
export function definitionOf(
  { plan, caps }: { readonly plan: Pick<BuildPlan, 'architecture'>; readonly caps: ReadonlySet<string> },
  state: State,
): Definition {
  return marshal(state, {
    platform: `linux/${architectureNames(plan.architecture).go}`,
    caps,
  });
}

/** What a graph has to be allowed by the daemon. A step that takes its source from a cache needs no network. */
export function entitlementsOf(
  { steps }: Pick<BuildPlan, 'steps'>,
  definition: Definition,
): readonly string[] {
  const asks = (cap: string): boolean => [...definition.metadata.values()].some(({ caps }) => caps.has(cap));
  return [
    ...(steps.some(({ network }) => network === 'host') && asks('exec.meta.network') ? ['network.host'] : []),
    ...(asks('exec.meta.security') ? ['security.insecure'] : []),
  ];
}

/** The error for a plan that cannot be made. */
export function invalidPlan(file: string, diagnostics: readonly Diagnostic[]): BuildError {
  const details = { file, count: diagnostics.length };
  const { title, message } = errors.BUILD_FILE_INVALID;
  return new BuildError('BUILD_FILE_INVALID', title, message(details), details, { diagnostics });
}

/**
 * What steps may reach. By default that is what the daemon gives to steps; where it has no network of its own, only
 * steps that fetch sources get the machine's.
 */
export function networkOf(request: BuildRequest, daemon: FoundDaemon): NonNullable<PlanOptions['network']> {
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
