import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { compareText } from '@melange2/proto';
import { parsePatterns } from './path-pattern.ts';

/**
 * Returns the paths that the given ones lead to: every symlink on the way, and what it points at, within the folder.
 * `undefined` when one of them is the folder itself, so that nothing has to be left out.
 *
 * The last component of a path, and each that a symlink does not replace, may have wildcards.
 */
export function followLinks(root: string, paths: readonly string[]): readonly string[] | undefined {
  const resolved = new Set<string>();
  for (const path of paths) follow(root, path, resolved);
  const kept: string[] = [];
  for (const path of [...resolved].sort(compareText)) {
    if (path === '.') return undefined;
    const last = kept.at(-1);
    if (last === undefined || !path.startsWith(`${last}/`)) kept.push(path);
  }
  return kept;
}

function follow(root: string, path: string, resolved: Set<string>): void {
  let rest = relative(path);
  let current = '.';
  for (;;) {
    const slash = rest.indexOf('/');
    current = posix.join(current, slash === -1 ? rest : rest.slice(0, slash));
    rest = slash === -1 ? '' : rest.slice(slash + 1);
    const targets = linkTargets(root, current, true);
    if (targets === undefined && rest !== '') continue;
    if (resolved.has(current)) return;
    resolved.add(current);
    for (const target of targets ?? []) follow(root, posix.join(target, rest), resolved);
    return;
  }
}

/** As Go's `filepath.Join(".", path)`, with `..` held inside the folder. */
function relative(path: string): string {
  const inside = posix.normalize(`/${path}`).replace(/^\/+|\/+$/g, '');
  return inside === '' ? '.' : inside;
}

function linkTargets(root: string, path: string, wildcards: boolean): readonly string[] | undefined {
  const folder = posix.dirname(path);
  const name = posix.basename(path);
  if (wildcards && /[*?[]/.test(name)) {
    const [pattern] = parsePatterns([name]);
    const targets: string[] = [];
    for (const found of namesIn(`${root}/${folder}`))
      if (pattern!.matches(found))
        targets.push(...(linkTargets(root, posix.join(folder, found), false) ?? []));
    return targets.length === 0 ? undefined : targets;
  }
  if (lstatSync(`${root}/${path}`, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return undefined;
  const target = readlinkSync(`${root}/${path}`);
  return [target.startsWith('/') ? target : posix.join('/', folder, target)];
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort(compareText);
  } catch {
    // A folder that is not there has no names; that is how BuildKit sees it too.
    return [];
  }
}
