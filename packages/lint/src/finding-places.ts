import type { FindingDetails } from './linter.ts';

/** The places that a finding is about, each as one text: paths, with what is said of each. Empty for none. */
export function findingPlaces(details: FindingDetails | undefined): string[] {
  if (details === undefined) return [];
  if ('paths' in details) return [...details.paths];
  if ('binaries' in details) {
    return details.binaries.map((b) => (typeof b === 'string' ? b : `${b.path} (${b.arch})`));
  }
  if ('files' in details) {
    return details.files.map((f) =>
      'arch' in f ? `${f.path} (${f.arch})` : `${f.path} (${f.mode}, ${f.permissions.join('+')})`,
    );
  }
  if ('references' in details) return details.references.map((r) => `${r.path} (${r.platform})`);
  // The message names them.
  if ('packages' in details) return [];
  return details.duplicates.map((d) => `${d.basename} (${d.count} copies, ${d.wasted_size} wasted)`);
}
