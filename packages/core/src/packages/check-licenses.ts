import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackageConfig, Places } from '@melange2/config';
import type { Diagnostic, Span } from '@melange2/diagnostics';
import {
  compareLicenses,
  type DeclaredLicense,
  type DetectedFile,
  type DetectedLicense,
  detectLicenses,
  licenseFileWeight,
  spdxCorpus,
} from '@melange2/license';
import type { LicenseFiles } from './license-files.ts';
import { writeAside } from '../write-aside.ts';

/** Texts that are looked at in one build: each takes some milliseconds. */
const mostTexts = 100;

/** Changed when texts are told apart in another way, so that older answers are asked for again. */
const answersVersion = 'v1';

/** What a licence check found. */
export interface LicenseCheck {
  /** Warnings, at the place in the build file that declares the licences. */
  readonly problems: readonly Diagnostic[];
  /** Files that were not looked at. */
  readonly leftOut: number;
}

/**
 * Compares the licences that lie in a workspace with those that the build file declares.
 *
 * What a text was found to be is kept in `cacheDir` by its digest, so that a build with nothing changed does not load
 * the texts of all licences.
 */
export async function checkLicenses(
  files: LicenseFiles,
  { package: main }: PackageConfig,
  cacheDir: string,
): Promise<LicenseCheck> {
  const texts = new Map(files.found);
  for (const [number, text] of files.declared) {
    const path = main.copyright[number]?.licensePath;
    if (path !== undefined) texts.set(path, text);
  }
  const { detected, leftOut } = await detectFiles(texts, cacheDir);
  const problems = compareDeclared(detected, main.copyright, main.at.key('copyright'));
  return { problems, leftOut: files.leftOut + leftOut };
}

/** Tells what texts are, by path; `leftOut` counts those that were not looked at because there are so many. */
export async function detectFiles(
  texts: ReadonlyMap<string, string>,
  cacheDir: string,
): Promise<{ readonly detected: readonly DetectedFile[]; readonly leftOut: number }> {
  const licensesOf = detector(join(cacheDir, 'licenses', answersVersion));
  const detected: DetectedFile[] = [];
  for (const [path, text] of texts) {
    const licenses = await licensesOf(text);
    if (licenses !== undefined) detected.push({ path, licenses });
  }
  return { detected, leftOut: texts.size - detected.length };
}

/** What is declared of one part of the software, and where. */
export interface DeclaredCopyright extends DeclaredLicense {
  readonly at?: Places;
}

/** The differences, each at the entry that declares its file, else at `place`. */
export function compareDeclared(
  detected: readonly DetectedFile[],
  declared: readonly DeclaredCopyright[],
  place: Span | undefined,
): Diagnostic[] {
  return detected.flatMap((file) => {
    const declaring = declared.find(({ licensePath }) => licensePath === file.path);
    const span = declaring?.at?.value() ?? place;
    // A text that is nobody else's cannot be known.
    const own = declaring?.license.startsWith('LicenseRef-') === true;
    // Neither what only happens to be called so.
    const likely =
      declaring !== undefined || file.licenses.length > 0 || licenseFileWeight(file.path) >= 0.75;
    return compareLicenses(declared, [file])
      .filter(({ code }) => code !== 'LICENSE_UNCLEAR' || (likely && !own))
      .map((problem) => (span === undefined ? problem : { ...problem, span }));
  });
}

/** Tells what a text is, from the answers in `folder` or by looking; `undefined` when it has looked at enough. */
function detector(folder: string): (text: string) => Promise<readonly DetectedLicense[] | undefined> {
  let corpus: ReturnType<typeof spdxCorpus> | undefined;
  let looked = 0;
  return async (text) => {
    const file = join(folder, `${createHash('sha256').update(text).digest('hex')}.json`);
    const before = await readAnswer(file);
    if (before !== undefined) return before;
    if (looked >= mostTexts) return undefined;
    looked++;
    corpus ??= spdxCorpus();
    const licenses = detectLicenses(text, await corpus);
    await mkdir(folder, { recursive: true });
    await writeAside(file, JSON.stringify(licenses));
    return licenses;
  };
}

async function readAnswer(file: string): Promise<readonly DetectedLicense[] | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as DetectedLicense[];
  } catch {
    // Not there yet, or damaged: it is only a cache.
    return undefined;
  }
}
