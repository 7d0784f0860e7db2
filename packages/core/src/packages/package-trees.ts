import { appendFile, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type PackageConfig, toReferenceJson } from '@melange2/config';
import {
  analysePackage,
  type AnalysedPackage,
  emitPackage,
  type PackageArtifact,
  packageRecipes,
  type ReceivedTrees,
  updateIndex,
  withDependencies,
  writeProvenance,
  writeFailed,
} from '@melange2/packager';
import { type BuildPlan, builtConfig } from '@melange2/pipeline';
import type { PackageWritten } from '@melange2/progress';
import { type ArchitectureBuild, compiledOf, contextOf } from '../architecture-build.ts';
import { checkLicenses } from './check-licenses.ts';
import { checkPackages } from './check-packages.ts';
import { describePackage } from './describe-package.ts';
import type { LicenseFiles } from './license-files.ts';
import { melangeYaml } from './melange-yaml.ts';
import type { PlanContext } from '../plan-graph.ts';
import { writeAside } from '../write-aside.ts';

/** What packages are made from, besides their files. */
export interface PackagingFacts extends Pick<PlanContext, 'locked' | 'epoch'> {
  readonly licenses: LicenseFiles;
}

/**
 * Makes packages of what a build left behind: looks at the files, asks the hooks, checks and describes them, writes all
 * of them, then the index.
 *
 * @throws {BuildError} BUILD_PACKAGE_REFUSED, those of the packager; the signal's reason when aborted
 */
export async function packageTrees(
  build: ArchitectureBuild,
  plan: BuildPlan,
  received: ReceivedTrees,
  given: PackagingFacts,
): Promise<readonly PackageWritten[]> {
  const { kernel, request, architecture, stages, key, signal } = build;
  const { locked, epoch } = given;
  const context = contextOf(build);
  const config = builtConfig(compiledOf(build));
  const of = { architecture };
  const folder = join(request.outDir, architecture);
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw writeFailed(folder, cause);
  });
  const packages = await stages.run('analyse', of, () => analyseTrees(build, plan, received, config));
  await stages.run('check', of, async () => {
    await tellLicenses(build, given.licenses, config);
    await checkPackages(packages, config, build);
  });
  const described = packages.map((pkg) => describePackage(pkg, build, { ...given, config }));
  const buildFile = melangeYaml(config, locked);
  const artifacts = await stages.run('emit', of, () =>
    emitAll(described, { build, config, buildFile, epoch, folder, signal }),
  );
  const written = artifacts.map((artifact) => tellWritten(artifact, build));
  for (const artifact of artifacts) await kernel.hooks.packageEmitted.promise(artifact, context);
  await writeLogs(packages, build);
  if (request.generateIndex) {
    await stages.run('index', of, () =>
      updateIndex({
        folder,
        records: artifacts.map((a) => a.record),
        signal,
        ...(key === undefined ? {} : { key }),
      }),
    );
  }
  return written;
}

async function analyseTrees(
  build: ArchitectureBuild,
  plan: BuildPlan,
  { trees }: ReceivedTrees,
  config: PackageConfig,
): Promise<readonly AnalysedPackage[]> {
  const { kernel, request, architecture, inputs, bus } = build;
  const context = contextOf(build);
  const recipes = packageRecipes(config, {
    arch: architecture,
    commit: inputs.commit,
    namespace: request.namespace,
    stripOriginName: request.stripOriginName,
  });
  const analysed: AnalysedPackage[] = [];
  for (const recipe of recipes) {
    const found = await analysePackage({ recipe, trees, order: plan.outputs });
    for (const problem of found.diagnostics) bus.emit({ type: 'problemFound', problem });
    const changed = await kernel.hooks.modifyPackage.promise(found, context);
    analysed.push(changed === found ? found : withDependencies(changed));
  }
  return analysed;
}

/** Tells where the licences in the workspace differ from the declared ones; that never fails a build. */
async function tellLicenses(
  { bus, cacheDir, architecture }: ArchitectureBuild,
  licenses: LicenseFiles,
  config: PackageConfig,
): Promise<void> {
  const { problems, leftOut } = await checkLicenses(licenses, config, cacheDir);
  for (const problem of problems) bus.emit({ type: 'problemFound', problem });
  if (leftOut === 0) return;
  const text = `${leftOut} more files that are called like licences were not looked at`;
  bus.emit({ type: 'notice', level: 'info', text, architecture });
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

interface EmitAll {
  readonly build: ArchitectureBuild;
  readonly config: PackageConfig;
  readonly buildFile: string;
  readonly epoch: number;
  /** Where the packages go. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** Writes all packages into a folder aside, then moves them to their places: a failure in the middle leaves none. */
async function emitAll(packages: readonly AnalysedPackage[], given: EmitAll): Promise<PackageArtifact[]> {
  const { build, config, buildFile, epoch, folder, signal } = given;
  const { request, key, kernel } = build;
  const signed = key === undefined ? {} : { key };
  const aside = await mkdtemp(join(request.outDir, '.melange2-')).catch((cause: unknown) => {
    throw writeFailed(request.outDir, cause);
  });
  try {
    const made: PackageArtifact[] = [];
    const statements: string[] = [];
    for (const pkg of packages) {
      const artifact = await emitPackage(pkg, {
        outDir: aside,
        sourceDateEpoch: epoch,
        buildFile,
        signal,
        ...signed,
      });
      made.push(artifact);
      if (!request.generateProvenance) continue;
      const provenance = {
        // Through text: the values of a build file are more than JSON has.
        config: JSON.parse(toReferenceJson(config)) as unknown,
        version: kernel.host.version,
        startedMs: build.startedMs,
        finishedMs: kernel.host.now(),
      };
      statements.push(
        await writeProvenance(artifact, provenance, { sourceDateEpoch: epoch, signal, ...signed }),
      );
    }
    signal.throwIfAborted();
    const placed: PackageArtifact[] = [];
    for (const statement of statements) await rename(statement, join(folder, basename(statement)));
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
