import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeLicense, detectLicenses, spdxCorpus, sureConfidence } from '@melange2/license';
import type { Compare } from './comparison.ts';

/** Texts with the licences that they were found to be. */
export interface LicenseTexts {
  readonly texts: readonly {
    readonly file: string;
    readonly answer: readonly { readonly name: string; readonly confident: boolean }[];
  }[];
}

/** Which licences are surely there; `-only` and `-or-later` have one text. */
export async function licenses({ texts }: LicenseTexts, root: string, compare: Compare): Promise<void> {
  const corpus = await spdxCorpus();
  for (const { file, answer } of texts) {
    const found = detectLicenses(decodeLicense(readFileSync(join(root, file))), corpus)
      .filter((l) => l.confidence >= sureConfidence)
      .map((l) => l.id.replace(/-(only|or-later)$/, ''));
    const want = answer.filter((a) => a.confident).map((a) => a.name);
    compare(
      `license ${file.slice('licenses/'.length)}`,
      [...new Set(found)].toSorted(),
      [...new Set(want)].toSorted(),
    );
  }
}
