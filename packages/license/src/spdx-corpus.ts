import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import type { KnownLicense } from './license-corpus.ts';

/** Of a licence its id, how many words its groups cover, whether it is common, and how many groups it has. */
type Row = readonly [id: string, words: number, common: 0 | 1, groups: number];

/**
 * Loads the corpus of all licences that SPDX lists; common are those that the Open Source Initiative approved.
 *
 * It is read from a file of this package: a line with a row for each licence, behind it the groups of all, four bytes
 * each, little endian. That takes a few milliseconds and 2.5 MB: load it when there is something to compare, and once.
 *
 * @see https://spdx.org/licenses/
 */
export async function spdxCorpus(): Promise<readonly KnownLicense[]> {
  // The same place seen from src, from dist, and from a bundle's folder beside which the file was put.
  const file = await readFile(new URL('../generated/spdx-corpus.bin', import.meta.url));
  const end = file.indexOf('\n') + 1;
  const rows = JSON.parse(file.toString('latin1', 0, end)) as readonly Row[];
  if (endianness() === 'BE') file.subarray(end).swap32();
  let at = file.byteOffset + end;
  return rows.map(([id, words, common, count]) => {
    const groups = new Uint32Array(file.buffer, at, count);
    at += groups.byteLength;
    return { id, words, common: common === 1, groups };
  });
}
