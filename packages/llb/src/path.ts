/** Cleans a slash-separated path as Go's `path.Clean`: no `.`, no `//`, `..` resolved; empty becomes `.`. */
export function cleanPath(path: string): string {
  const absolute = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!absolute) parts.push(part);
  }
  const joined = parts.join('/');
  return absolute ? `/${joined}` : joined === '' ? '.' : joined;
}

/** Joins and cleans; empty parts do not count. */
export function joinPath(...parts: readonly string[]): string {
  return cleanPath(parts.filter((p) => p !== '').join('/'));
}

/** Makes a path of a file action absolute: relative ones start at `dir`. */
export function resolvePath(dir: string, path: string): string {
  const cleaned = cleanPath(path);
  return cleaned.startsWith('/') ? cleaned : joinPath('/', dir, cleaned);
}

/** As `resolvePath`, but keeps a slash or `/.` at the end: copying to `/a/` and to `/a` differ. */
export function resolveDestination(dir: string, path: string): string {
  const resolved = resolvePath(dir, path);
  if (path.endsWith('/') && !resolved.endsWith('/')) return `${resolved}/`;
  if (path.endsWith('/.')) return resolved === '/' ? '/.' : `${resolved}/.`;
  return resolved;
}
