import { assemble, type LockedEnvironment } from '@melange2/environment';
import type { PackageWritten } from '@melange2/progress';
import { type ArchitectureBuild, compiledOf } from './architecture-build.ts';
import { environmentSettings } from './environment-settings.ts';
import { licenseReceiver } from './license-files.ts';
import { packageTrees } from './package-trees.ts';
import { type PlannedGraph, planGraph } from './plan-graph.ts';
import { resolveEnvironment } from './resolve-environment.ts';
import { solveGraph } from './solve-graph.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';

/**
 * Builds the packages of one architecture: environment, plan, graph, solve, packages, index.
 *
 * @throws {BuildError} as the stages do; the signal's reason when aborted
 */
export async function buildArchitecture(build: ArchitectureBuild): Promise<readonly PackageWritten[]> {
  const { architecture, stages, kernel, request, daemon, signal } = build;
  const { config, packages } = compiledOf(build);
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
    () => resolveEnvironment(build, { name: config.package.name, contents, packages }),
  );
  const { llb: caps } = await capabilities;
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
  const epoch = sourceDateEpoch(request.buildDate, kernel.host.env);
  const planned = await stages.run(
    'plan',
    { ...of, detail: (g: PlannedGraph) => `${g.plan.steps.length} steps` },
    () => planGraph(build, { environment, locked, epoch, caps }),
  );
  const licenses = licenseReceiver(config);
  const { trees, cacheMounts } = await stages.run('solve', of, () =>
    solveGraph(build, planned, environment, licenses),
  );
  try {
    return await packageTrees(build, planned.plan, trees, { locked, epoch, licenses: licenses.files() });
  } finally {
    await cacheMounts;
    await trees.close();
  }
}
