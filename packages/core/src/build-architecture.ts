import { randomUUID } from 'node:crypto';
import { isSolveError } from '@melange2/buildkit-client';
import { type BuildError, isBuildError } from '@melange2/diagnostics';
import { assemble, type LockedEnvironment } from '@melange2/environment';
import type { PackageWritten } from '@melange2/progress';
import { type ArchitectureBuild, compiledOf } from './architecture-build.ts';
import { environmentSettings } from './build-file/environment-settings.ts';
import { licenseReceiver, type LicenseReceiver } from './packages/license-files.ts';
import { packageTrees } from './packages/package-trees.ts';
import { type PlanContext, type PlannedGraph, planGraph } from './plan-graph.ts';
import { resolveEnvironment } from './resolve-environment.ts';
import { solveGraph, type SolvedGraph } from './solve-graph.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';
import { needsFailedLogs } from './steps/step-log.ts';
import { traceStep } from './steps/trace-step.ts';

/**
 * Builds the packages of one architecture: environment, plan, graph, solve, packages, index.
 *
 * @throws {BuildError} as the stages do; the signal's reason when aborted
 */
export async function buildArchitecture(build: ArchitectureBuild): Promise<readonly PackageWritten[]> {
  const { architecture, stages, request } = build;
  const { graph: first, context } = await prepareArchitecture(build);
  const solve = async (graph: PlannedGraph): Promise<Solved> => {
    const licenses = licenseReceiver(compiledOf(build).config);
    const solved = await stages.run('solve', { architecture }, () =>
      solveGraph(build, graph, context, licenses),
    );
    return { ...solved, graph, licenses };
  };
  const { graph, licenses, ...solved } = await solve(first).catch((error: unknown) => {
    if (request.network === 'none' || !isWorthAStep(error)) throw error;
    const text = `${error.message} The step tries it now.`;
    build.bus.emit({ type: 'notice', level: 'warning', text, architecture });
    return solve(planGraph(build, { ...context, nativeSources: false }));
  });
  let packages;
  try {
    packages = await packageTrees(build, graph.plan, solved.trees, {
      ...context,
      licenses: licenses.files(),
    });
  } finally {
    await solved.cacheMounts;
    await solved.trees.close();
  }
  if (request.debug) for (const step of graph.plan.steps) await traceStep(build, graph, step);
  return packages;
}

/** A build that only waits to be solved. */
export interface PreparedBuild {
  readonly graph: PlannedGraph;
  readonly context: PlanContext;
}

/**
 * Does all that comes before the solve of one architecture: environment, plan, graph.
 *
 * @param localUniqueId of the folders that are sent. Default: a new one.
 * @throws {BuildError} as the stages do; the signal's reason when aborted
 */
export async function prepareArchitecture(
  build: ArchitectureBuild,
  localUniqueId: string = randomUUID(),
): Promise<PreparedBuild> {
  const { architecture, stages, kernel, request, daemon, signal } = build;
  const { config, packages, placeOfPackage } = compiledOf(build);
  const of = { architecture };
  // Asked for now and needed later; a failure is met where it is awaited.
  const capabilities = daemon.client.capabilities({ signal });
  capabilities.catch(() => {});
  // The solve needs it, and the stages before it leave a core idle.
  daemon.client.prepareSession();
  const { contents } = config.environment;
  const locked = await stages.run(
    'resolve',
    { ...of, detail: (l: LockedEnvironment) => `${l.packages.length} packages` },
    () => resolveEnvironment(build, { name: config.package.name, contents, packages, placeOfPackage }),
  );
  const can = await capabilities;
  const { llb: caps } = can;
  const environment = await stages.run('assemble', of, () =>
    assemble(locked, {
      ...environmentSettings(config.environment),
      cacheDir: build.cacheDir,
      transport: build.transport,
      caps,
      // Results in a cache of several machines are found by machines that ask for the same.
      portable: (request.cacheFrom ?? []).length + (request.cacheTo ?? []).length > 0,
      progressGroup: { id: `environment-${architecture}`, name: 'environment' },
      signal,
    }),
  );
  const context = {
    environment,
    locked,
    epoch: sourceDateEpoch(request.buildDate, kernel.host.env),
    caps,
    failedLogs: needsFailedLogs(can),
    localUniqueId,
  };
  const graph = await stages.run(
    'plan',
    { ...of, detail: ({ plan }: PlannedGraph) => `${plan.steps.length} steps` },
    () => planGraph(build, context),
  );
  return { graph, context };
}

interface Solved extends SolvedGraph {
  readonly graph: PlannedGraph;
  readonly licenses: LicenseReceiver;
}

/**
 * Whether a download by the daemon failed, so that the step may succeed, which tries as often as the build file
 * allows. The daemon does not tell a page that says 503 from the file, so a wrong checksum of its own is one too.
 */
function isWorthAStep(error: unknown): error is BuildError {
  if (!isBuildError(error)) return false;
  const { cause, code } = error;
  const differs =
    code === 'BUILD_SOURCE_DIFFERS' && isSolveError(cause) && cause.details.exitCode === undefined;
  return differs || code === 'BUILD_DOWNLOAD_FAILED';
}
