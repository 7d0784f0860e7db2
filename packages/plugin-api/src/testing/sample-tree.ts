import { bytesSource, packageTree, type PackageTree, tarHeader, type TreeEntry } from '@melange2/apk';

/** A file of a sample package: its content, or more of it. */
export type SampleFile =
  | string
  | Uint8Array
  | { readonly content?: string | Uint8Array; readonly mode?: number; readonly linkTo?: string };

/** Files of a sample package by path: `{ 'usr/bin/tool': { content: '#!/bin/sh', mode: 0o755 } }`. */
export type SampleFiles = Readonly<Record<string, SampleFile>>;

/** Makes the tree of a package, as hooks get it. Folders are made, everything is root's. */
export function sampleTree(files: SampleFiles): PackageTree {
  return packageTree(
    Object.entries(files).map(([name, file]): TreeEntry => {
      const given = typeof file === 'string' || file instanceof Uint8Array ? { content: file } : file;
      if (given.linkTo !== undefined) {
        return { header: tarHeader({ name, type: 'symlink', mode: 0o777, linkName: given.linkTo }) };
      }
      const content = Buffer.from(given.content ?? '');
      const header = tarHeader({ name, mode: given.mode ?? 0o644, size: content.length });
      return { header, content: bytesSource(content) };
    }),
  );
}

/** What any package may hold: nothing at all, links to nowhere and in circles, files that are not what they are called. */
export const oddFiles: readonly SampleFiles[] = [
  {},
  {
    'usr/bin/nowhere': { linkTo: '../../../../gone' },
    'usr/bin/round': { linkTo: 'round' },
    'usr/lib/libodd.so.1': Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0xff, 0xff),
    'usr/lib/pkgconfig/odd.pc': Uint8Array.of(0xff, 0xfe, 0x00),
    'usr/bin/empty': { content: '', mode: 0o755 },
    'usr/share/a name with blanks/ä': 'x',
  },
];
