import type { PackageTree } from '@melange2/apk';
import { directoryOf, isFile } from './subject.ts';

const standard = ['lib', 'usr/lib', 'lib64', 'usr/lib64'];

/**
 * Lists the directories whose libraries every program finds: the standard ones, and those that files below
 * `etc/ld.so.conf.d` of these packages name. Directories below
 * them do not count, unless the name ends in `/...`.
 */
export async function libraryDirectories(trees: readonly PackageTree[]): Promise<string[]> {
  const found = [...standard];
  for (const tree of trees) {
    for (const entry of tree.entries) {
      const { name } = entry.header;
      if (!name.startsWith('etc/ld.so.conf.d/') || !name.endsWith('.conf')) continue;
      if (!isFile(entry) || entry.content === undefined) continue;
      const text = Buffer.from(await entry.content.read(0, entry.content.size)).toString('utf8');
      for (const line of text.split(/\r?\n/)) {
        if (line.startsWith('/')) found.push(line.slice(1).replace(/\/+$/, ''));
      }
    }
  }
  return [...new Set(found)];
}

/**
 * Whether a path lies directly in one of the directories, or anywhere below one that ends in `/...`.
 * `.` is the top; an empty name is no directory.
 */
export function isInDirectories(path: string, directories: readonly string[]): boolean {
  const own = directoryOf(path) || '.';
  return directories.some((directory) => {
    if (!directory.endsWith('/...')) return own === directory.replace(/\/+$/, '');
    const top = directory.slice(0, -'/...'.length);
    return top !== '' && (own === top || own.startsWith(`${top}/`));
  });
}
