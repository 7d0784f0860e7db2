import { baseName, directoryOf, isFile, type Found, type Subject } from './subject.ts';

const directories: ReadonlySet<string> = new Set(['bin', 'sbin', 'usr/bin', 'usr/sbin']);

/** Provides `cmd:` for every program that lies in a directory of commands and that everybody may run. */
export function commands({ tree, version }: Subject): Found {
  const provides = tree.entries
    .filter(
      (e) => isFile(e) && (e.header.mode & 0o555) === 0o555 && directories.has(directoryOf(e.header.name)),
    )
    .map((e) => `cmd:${baseName(e.header.name)}=${version}`);
  return { provides };
}
