import type { KnownLicense } from './license-corpus.ts';
import { licenseWords, wordGroups, wordsCovered } from './license-words.ts';

/** A licence that a text was found to be, or to hold. */
export interface DetectedLicense {
  /** SPDX id. */
  readonly id: string;
  /** Share of the words of the licence that are there, each beside its neighbours: 1 is all of it. */
  readonly confidence: number;
}

/** From here on a licence counts as found. */
export const sureConfidence = 0.9;

/** What has less of its words in a text is not even a guess. */
const leastConfidence = 0.75;

/** How much better than one in common use another licence has to explain a text. */
const commonBonus = 1.08;

/**
 * Tells which licences a text is made of, the one that explains most of it first. Empty when it is none that is known.
 *
 * A licence that is a part of another one that was found is not reported for that part.
 */
export function detectLicenses(text: string, corpus: readonly KnownLicense[]): DetectedLicense[] {
  const left = new Set(wordGroups(licenseWords(text)));
  const found: DetectedLicense[] = [];
  let candidates = corpus;
  for (;;) {
    let best: { license: KnownLicense; confidence: number; value: number } | undefined;
    const still: KnownLicense[] = [];
    for (const license of candidates) {
      const words = wordsCovered(license.groups, left);
      const confidence = words / license.words;
      if (confidence < leastConfidence) continue;
      still.push(license);
      // Squared, so that a shorter licence that is there whole wins over a longer one that is there in part.
      const value = words * confidence ** 2 * (license.common ? commonBonus : 1);
      if (best === undefined || value > best.value) best = { license, confidence, value };
    }
    if (best === undefined) return found;
    found.push({ id: best.license.id, confidence: best.confidence });
    for (const group of best.license.groups) left.delete(group);
    candidates = still.filter((license) => license !== best?.license);
  }
}
