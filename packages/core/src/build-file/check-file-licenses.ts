import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Diagnostic } from '@melange2/diagnostics';
import { decodeLicense, type DetectedFile, isForeign, licenseFileWeight } from '@melange2/license';
import type { Host } from '../build-request.ts';
import { cacheFolder } from '../caches/cache-folder.ts';
import { compareDeclared, type DeclaredCopyright, detectFiles } from '../packages/check-licenses.ts';
import { unreadable } from '../file-source.ts';
import { fixLicenses } from './fix-licenses.ts';
import { readBuildText, readConfig } from './read-config.ts';
import { withWritten } from '../packages/with-written.ts';
import { writeAside } from '../write-aside.ts';
import { writtenRecipe } from '../packages/written-recipe.ts';

export interface LicenseCheckRequest {
  /** A folder, a build file (`.yaml` or `.yml`), or a package. */
  readonly file: string;
  /** For a build file: the folder with its sources. Default its own. */
  readonly sourceDir?: string;
  /** Corrects what a build file declares, see {@link fixLicenses}. Default false. */
  readonly fix?: boolean;
}

/** What is known of the licences of something. */
export interface LicenseFindings {
  /** The files that are called like licences, by path. */
  readonly detected: readonly DetectedFile[];
  /** Where they differ from what is declared, after it was corrected; `undefined` for a folder, which declares nothing. */
  readonly problems: readonly Diagnostic[] | undefined;
  /** Files that were not looked at. */
  readonly leftOut: number;
  /** Whether the build file was changed. */
  readonly fixed: boolean;
}

/** Larger files are no licences. */
const largestBytes = 1 << 20;

/**
 * Tells which licences lie in a folder or a package, and where they differ from those that its build file declares.
 *
 * @throws {BuildError} FILE_UNREADABLE, BUILD_FILE_INVALID, CONFIG_EDIT_IMPOSSIBLE, those of
 * reading packages; the signal's reason
 */
export async function checkFileLicenses(
  { file, sourceDir, fix = false }: LicenseCheckRequest,
  host: Host,
  signal: AbortSignal,
): Promise<LicenseFindings> {
  const path = resolve(host.cwd, file);
  const cacheDir = cacheFolder(host.env);
  const judge = async (
    texts: ReadonlyMap<string, string>,
    declared: readonly DeclaredCopyright[] | undefined,
  ): Promise<LicenseFindings> => {
    const { detected, leftOut } = await detectFiles(texts, cacheDir);
    const problems = declared === undefined ? undefined : compareDeclared(detected, declared, undefined);
    return { detected, problems, leftOut, fixed: false };
  };
  const facts = await stat(path).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  if (facts.isDirectory()) return judge(await textsBelow(path, signal), undefined);
  if (/\.ya?ml$/.test(path)) {
    const { copyright } = (await readConfig(path, file)).package;
    const folder = sourceDir === undefined ? resolve(path, '..') : resolve(host.cwd, sourceDir);
    const texts = await textsBelow(folder, signal);
    const found = await judge(texts, copyright);
    if (!fix) return found;
    const text = await readBuildText(path, file);
    const changed = fixLicenses(text, file, found.detected);
    if (changed === text) return found;
    await writeAside(path, changed);
    return { ...(await judge(texts, (await readConfig(path, file)).package.copyright)), fixed: true };
  }
  return withWritten(path, host, signal, async ({ pkg, tree }) => {
    const texts = new Map<string, string>();
    for (const { header, content } of tree.entries) {
      if (content === undefined || header.size > largestBytes || licenseFileWeight(header.name) === 0)
        continue;
      texts.set(header.name, decodeLicense(await content.read(0, content.size)));
    }
    const { copyright } = writtenRecipe(pkg);
    const licenses = pkg.info.licenses.map((license) => ({
      license,
      licensePath: '',
      detectionOverride: '',
    }));
    return judge(texts, copyright.length > 0 ? copyright : licenses);
  });
}

async function textsBelow(folder: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  const walk = async (below: string): Promise<void> => {
    signal.throwIfAborted();
    const entries = await readdir(join(folder, below), { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) {
        if (entry.name !== '.git' && !isForeign(`${path}/x`)) await walk(path);
      } else if (entry.isFile() && licenseFileWeight(path) > 0) {
        const { size } = await stat(join(folder, path));
        if (size <= largestBytes) texts.set(path, decodeLicense(await readFile(join(folder, path))));
      }
    }
  };
  await walk('');
  return texts;
}
