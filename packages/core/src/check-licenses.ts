import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PackageConfig } from '@melange2/config';
import type { Diagnostic } from '@melange2/diagnostics';
import { compareLicenses, type DetectedLicense, detectLicenses, spdxCorpus } from '@melange2/license';
import type { LicenseFiles } from './license-files.ts';
import { writeAside } from './write-aside.ts';

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
  const licensesOf = detector(join(cacheDir, 'licenses', answersVersion));
  const problems: Diagnostic[] = [];
  let { leftOut } = files;
  for (const [path, text] of texts) {
    const licenses = await licensesOf(text);
    if (licenses === undefined) {
      leftOut++;
      continue;
    }
    const declaring = main.copyright.find(({ licensePath }) => licensePath === path);
    const span = declaring?.at.value() ?? main.at.key('copyright');
    const place = span === undefined ? {} : { span };
    // A text that is nobody else's cannot be known.
    const own = declaring?.license.startsWith('LicenseRef-') === true;
    problems.push(
      ...compareLicenses(main.copyright, [{ path, licenses }])
        .filter(({ code }) => !own || code !== 'LICENSE_UNCLEAR')
        .map((problem) => ({ ...problem, ...place })),
    );
  }
  return { problems, leftOut };
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
