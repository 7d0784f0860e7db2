import { licenseWords, wordGroups, wordsCovered } from './license-words.ts';

/** One licence to compare texts with. */
export interface KnownLicense {
  /** SPDX id. */
  readonly id: string;
  /** The groups of three words of its text, in their order; 0 where one stands that stood before. */
  readonly groups: Uint32Array;
  /** How many words its groups cover. */
  readonly words: number;
  /** Whether it is in common use; of two that explain a text almost equally well, such a one is meant. */
  readonly common: boolean;
}

/** One text for a corpus. */
export interface LicenseText {
  readonly text: string;
  readonly common: boolean;
}

/** Shorter texts are parts of too many others to tell anything. */
const fewestGroups = 15;

/**
 * Makes a corpus of licence texts by SPDX id. Of several ids with one text, the first in the alphabet counts. Ids that
 * are there as `-only` as well, with a text that hardly differs, are left out.
 */
export function licenseCorpus(texts: Readonly<Record<string, LicenseText>>): readonly KnownLicense[] {
  const known: KnownLicense[] = [];
  const seen = new Set<string>();
  for (const id of Object.keys(texts).toSorted()) {
    const base = id.replace(/(\+|-or-later)$/, '');
    if (`${base}-only` in texts) continue;
    const { text = '', common = false } = texts[id] ?? {};
    const words = licenseWords(text);
    const key = words.join(' ');
    if (seen.has(key)) continue;
    seen.add(key);
    const groups = withoutRepetition(wordGroups(words));
    const different = new Set(groups.filter((group) => group !== 0));
    if (different.size < fewestGroups) continue;
    known.push({ id, groups, words: wordsCovered(groups, different), common });
  }
  return known;
}

/** A text that holds another one several times must not count for it several times. */
function withoutRepetition(groups: Uint32Array): Uint32Array {
  const seen = new Set<number>();
  return groups.map((group) => {
    if (seen.has(group)) return 0;
    seen.add(group);
    return group;
  });
}
