import { createHash } from 'node:crypto';
import { readRange } from '@melange2/apk';
import { baseOf, counted, regularFilesOf, type DuplicateSet, type Linter } from './linter.ts';

/** Files below this are not worth a link. */
const smallestBytes = 1024;

const licenseLike = /^(licen[cs]e|copying|copyright|notice|authors|patents)([-._].*)?$/i;

/** Finds files of one name and content in several folders, which a link could stand for. */
export const duplicateLinter: Linter = {
  name: 'duplicate',
  level: 'warn',
  explain: 'Keep one, and link the others to it.',
  check: async (subject) => {
    // Only files of one name and size can be equal, so few contents are read.
    const candidates = new Map<string, ReturnType<typeof regularFilesOf>>();
    for (const entry of regularFilesOf(subject)) {
      const size = entry.content?.size ?? 0;
      const base = baseOf(entry.header.name);
      if (size < smallestBytes || licenseLike.test(base)) continue;
      const key = `${size}/${base}`;
      candidates.set(key, [...(candidates.get(key) ?? []), entry]);
    }
    const sets: DuplicateSet[] = [];
    for (const entries of candidates.values()) {
      if (entries.length < 2) continue;
      const equal = new Map<string, string[]>();
      for (const { header, content } of entries) {
        const hash = createHash('sha256');
        if (content !== undefined)
          for await (const chunk of readRange(content, 0, content.size)) hash.update(chunk);
        const digest = hash.digest('hex');
        equal.set(digest, [...(equal.get(digest) ?? []), header.name]);
      }
      for (const paths of equal.values()) {
        if (paths.length > 1) sets.push(duplicateSet(paths, entries[0]?.content?.size ?? 0));
      }
    }
    if (sets.length === 0) return [];
    const duplicates = sets.toSorted(
      (a, b) => b.wasted_bytes - a.wasted_bytes || ((a.paths[0] ?? '') < (b.paths[0] ?? '') ? -1 : 1),
    );
    const wasted = duplicates.reduce((sum, set) => sum + set.wasted_bytes, 0);
    const what = counted(duplicates.length, 'file');
    return [
      {
        message: `${subject.name} has ${what} in several folders, which wastes ${humanSize(wasted)}`,
        details: {
          total_duplicate_sets: duplicates.length,
          total_wasted_bytes: wasted,
          total_wasted_size: humanSize(wasted),
          duplicates,
        },
      },
    ];
  },
};

function duplicateSet(paths: readonly string[], size: number): DuplicateSet {
  const wasted = (paths.length - 1) * size;
  return {
    basename: baseOf(paths[0] ?? ''),
    count: paths.length,
    size_bytes: size,
    size: humanSize(size),
    wasted_bytes: wasted,
    wasted_size: humanSize(wasted),
    paths,
  };
}

/** Writes bytes for people, in thousands: `999 B`, `1.5 kB`, `12 MB`. */
export function humanSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
  if (bytes < 10) return `${bytes} B`;
  let unit = 0;
  while (unit < units.length - 1 && bytes >= 1000 ** (unit + 1)) unit++;
  const value = Math.floor((bytes / 1000 ** unit) * 10 + 0.5) / 10;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
