import { appendFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BuildError, type Diagnostic } from '@melange2/diagnostics';
import {
  analysePackage,
  type AnalysedPackage,
  emitPackage,
  type PackageArtifact,
  packageRecipes,
  type ReceivedTrees,
  updateIndex,
} from '@melange2/packager';
import { type BuildPlan, builtConfig } from '@melange2/pipeline';
import type { ProblemReport } from '@melange2/plugin-api';
import type { PackageWritten } from '@melange2/progress';
import { type ArchitectureBuild, compiledOf, contextOf } from './architecture-build.ts';
import { errors } from './errors.ts';
import { melangeYaml } from './melange-yaml.ts';
import type { PlanContext } from './plan-graph.ts';
import { writeAside } from './write-aside.ts';

/**
 * Makes packages of what a build left behind: looks at the files, asks the hooks, writes all of them, then the index.
 *
 * @throws {BuildError} BUILD_PACKAGE_REFUSED, those of the packager; the signal's reason when aborted
 */
export async function packageTrees(
  build: ArchitectureBuild,
  plan: BuildPlan,
  received: ReceivedTrees,
  given: Pick<PlanContext, 'locked' | 'epoch'>,
): Promise<readonly PackageWritten[]> {
  const { kernel, request, architecture, inputs, stages, bus, key, signal } = build;
  const { locked, epoch } = given;
  const context = contextOf(build);
  const config = builtConfig(compiledOf(build));
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
  await writeLogs(packages, build);
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

/** Writes what `--create-build-log` and `--dependency-log` ask for. */
async function writeLogs(
  packages: readonly AnalysedPackage[],
  { request, kernel, architecture }: ArchitectureBuild,
): Promise<void> {
  if (request.createBuildLog) {
    const lines = packages.map(
      ({ recipe: { arch, origin, name, version } }) => `${arch}|${origin}|${name}|${version}\n`,
    );
    await appendFile(join(kernel.host.cwd, 'packages.log'), lines.join(''));
  }
  if (request.dependencyLog !== undefined) {
    const found = packages.map((pkg) => [pkg.recipe.name, pkg.found] as const);
    await writeAside(
      `${request.dependencyLog}.${architecture}`,
      `${JSON.stringify(Object.fromEntries(found), undefined, 2)}\n`,
    );
  }
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
