import { directoryOf, type Found, type Subject } from './subject.ts';

/** A `-doc` package with manual pages needs `man-db`, one with info pages `texinfo`. */
export function documentation({ name, tree }: Subject): Found {
  if (!name.endsWith('-doc')) return {};
  const has = (directory: string): boolean =>
    tree.entries.some((e) => directoryOf(e.header.name) === directory);
  return {
    depends: [...(has('usr/share/man') ? ['man-db'] : []), ...(has('usr/share/info') ? ['texinfo'] : [])],
  };
}
