import { posix } from 'node:path';

/** Folders that are links in a merged layout, and what they lead to. */
export const mergedFolders: readonly (readonly [link: string, folder: string])[] = [
  ['bin', 'usr/bin'],
  ['sbin', 'usr/bin'],
  ['usr/sbin', 'usr/bin'],
  ['lib', 'usr/lib'],
  ['lib64', 'usr/lib'],
  ['usr/lib64', 'usr/lib'],
];

/** Where a path of Debian's layout lies in the merged one. Paths have no slash at the beginning. */
export function mergedPath(path: string): string {
  for (const [link, folder] of mergedFolders) {
    if (path === link) return folder;
    if (path.startsWith(`${link}/`)) return `${folder}${path.slice(link.length)}`;
  }
  return path;
}

/**
 * The target of a symlink after its place and its target have moved; undefined when it would lead to itself.
 *
 * Absolute targets stay absolute, relative ones relative.
 */
export function mergedLinkTarget(oldPath: string, target: string): string | undefined {
  const absolute = target.startsWith('/');
  const oldTarget = absolute ? posix.normalize(target) : posix.join('/', posix.dirname(oldPath), target);
  const newPath = `/${mergedPath(oldPath)}`;
  const newTarget = `/${mergedPath(oldTarget.slice(1))}`;
  if (newPath === newTarget) return undefined;
  // A link to the folder that it lies in.
  return absolute ? newTarget : posix.relative(posix.dirname(newPath), newTarget) || '.';
}
