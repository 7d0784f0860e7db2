import { resolve } from 'node:path';
import { type ApkPackage, formatPackageInfo } from '@melange2/apk';
import { type Diagnostic, isBuildError, redactor } from '@melange2/diagnostics';
import {
  type AnalysedPackage,
  analysePackage,
  describedInfo,
  packageRecipes,
  type PackageRecipe,
  withDependencies,
} from '@melange2/packager';
import { builtConfig } from '@melange2/pipeline';
import type { ArchitectureContext, BuildHooks, Plugin } from '@melange2/plugin-api';
import { buildArchitectures } from '../architectures.ts';
import type { Host } from '../build-request.ts';
import { compileBuild, type CompileSettings } from '../build-file/compile-build.ts';
import { type BuildInputs, type InputRequest, readInputs } from '../build-file/read-inputs.ts';
import { withHooks } from '../plugins/with-hooks.ts';
import { type OpenedPackage, withWritten } from './with-written.ts';

export interface ScanRequest extends InputRequest, CompileSettings {
  /** apk or OCI name; empty is this machine's. */
  readonly architecture: string;
  /** Folder or URL with the packages, in a folder of it for each architecture. */
  readonly repository: string;
  /** Only this package. */
  readonly package?: string;
  readonly namespace: string;
}

/** What a search for dependencies says of a written package today. */
export interface ScannedPackage {
  readonly file: string;
  /** The text of `.PKGINFO` as it is in the package. */
  readonly written: string;
  /** The same as it would be written today: size, hash, commit and date are those of the package. */
  readonly found: string;
}

export interface ScanResult {
  /** The subpackages in the order of the build file, then the main package. */
  readonly packages: readonly ScannedPackage[];
  /** Subpackages that the repository does not have. */
  readonly missing: readonly string[];
  readonly warnings: readonly Diagnostic[];
}

/**
 * Searches packages that are written already for what they need and offer once more, with the rules of this version
 * and those of plugins.
 *
 * @throws {BuildError} BUILD_FILE_INVALID, FILE_UNREADABLE for a package that a folder lacks, those of reading packages;
 * the signal's reason
 */
export async function scanPackages(
  request: ScanRequest,
  {
    plugins,
    host,
    signal,
  }: { readonly plugins: readonly Plugin[]; readonly host: Host; readonly signal: AbortSignal },
): Promise<ScanResult> {
  return withHooks(plugins, host, (hooks) => scan(request, hooks, host, signal));
}

async function scan(
  request: ScanRequest,
  hooks: BuildHooks,
  host: Host,
  signal: AbortSignal,
): Promise<ScanResult> {
  const warnings: Diagnostic[] = [];
  const wanted = request.architecture === '' ? [] : [request.architecture];
  const [architecture = ''] = buildArchitectures(wanted, process.arch);
  const inputs = await readInputs(request, host);
  const kernel = { hooks, host, redactor: redactor() };
  const { packages } = await compileBuild(kernel, request, inputs, [architecture], {
    emit: (event) => {
      if (event.type === 'problemFound') warnings.push(event.problem);
    },
  });
  const compiled = packages.get(architecture);
  if (compiled === undefined) return { packages: [], missing: [], warnings };
  const config = builtConfig(compiled);
  const recipes = packageRecipes(config, { arch: architecture, namespace: request.namespace });
  const remote = /^https?:\/\//.test(request.repository);
  const place = (name: string, version: string): string => {
    const path = `${request.repository.replace(/\/+$/, '')}/${architecture}/${name}-${version}.apk`;
    return remote ? path : resolve(host.cwd, path);
  };
  const missing: string[] = [];
  const [main, ...subpackages] = recipes;
  if (main === undefined) throw new Error('a build file without a package');
  const context = { ...contextFor(request, inputs, architecture, main), signal };
  const analyseAll = async (
    opened: ReadonlyMap<string, OpenedPackage>,
  ): Promise<readonly ScannedPackage[]> => {
    const trees = new Map([...opened].map(([name, { tree }]) => [name, tree]));
    const scanned: ScannedPackage[] = [];
    for (const recipe of [...subpackages, main]) {
      const pkg = opened.get(recipe.name)?.pkg;
      if (pkg === undefined || (request.package ?? recipe.name) !== recipe.name) continue;
      const analysed = await analysePackage({ recipe, trees, order: recipes.map((r) => r.name) });
      warnings.push(...analysed.diagnostics);
      const changed = withDependencies(await hooks.modifyPackage.promise(analysed, context));
      scanned.push({ file: pkg.file, written: writtenInfo(pkg), found: foundInfo(changed, pkg) });
    }
    return scanned;
  };
  /** Opens one after the other and keeps all open: libraries of one package are found by the others. */
  const openAll = async (
    left: readonly PackageRecipe[],
    opened: ReadonlyMap<string, OpenedPackage>,
  ): Promise<readonly ScannedPackage[]> => {
    const [next, ...rest] = left;
    if (next === undefined) return analyseAll(opened);
    let there = false;
    try {
      return await withWritten(place(next.name, next.version), host, signal, (one) => {
        there = true;
        return openAll(rest, new Map([...opened, [next.name, one]]));
      });
    } catch (error) {
      const lacks = remote && next !== main && isBuildError(error) && error.code === 'FILE_UNREADABLE';
      if (there || !lacks) throw error;
      missing.push(next.name);
      return openAll(rest, opened);
    }
  };
  return { packages: await openAll(recipes, new Map()), missing, warnings };
}

function contextFor(
  { file }: ScanRequest,
  { folder }: BuildInputs,
  architecture: string,
  { name, version }: PackageRecipe,
): Omit<ArchitectureContext, 'signal'> {
  return { file, folder, architecture, package: name, version };
}

function writtenInfo({ controlFiles }: ApkPackage): string {
  const bytes = controlFiles.find(({ name }) => name === '.PKGINFO')?.bytes;
  return bytes === undefined ? '' : Buffer.from(bytes).toString();
}

/** What would be written today; a search for dependencies cannot know size, hash, commit and date. */
function foundInfo(analysed: AnalysedPackage, { info }: ApkPackage): string {
  const { installedSize, dataHash, commit, buildDate } = info;
  return formatPackageInfo({
    ...describedInfo(analysed, buildDate ?? 0),
    installedSize,
    ...(commit === undefined ? {} : { commit }),
    ...(dataHash === undefined ? {} : { dataHash }),
  });
}
