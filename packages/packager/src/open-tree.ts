import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  packageEntries,
  packageTree,
  type ApkPackage,
  type PackageTree,
  type TreeEntry,
} from '@melange2/apk';
import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { SpoolFile } from './spool-file.ts';

export interface OpenTreeOptions {
  /** An existing folder for the temporary file that contents wait in. */
  readonly spoolDir: string;
  readonly signal?: AbortSignal;
}

/** The files of a written package, with their contents in a temporary file. */
export interface OpenedTree {
  readonly tree: PackageTree;
  /** Lets the temporary file go; the tree cannot be read any more. */
  readonly close: () => Promise<void>;
}

/**
 * Reads the files of a written package, for those who look at trees. Memory holds no more than a chunk of a content.
 *
 * @throws {BuildError} PACKAGE_OUTPUT_INVALID for paths that no package may have, those of reading the package; the
 * signal's reason
 */
export async function openTree(pkg: ApkPackage, options: OpenTreeOptions): Promise<OpenedTree> {
  const spool = await SpoolFile.create(
    join(options.spoolDir, `.melange2-${randomBytes(8).toString('hex')}.spool`),
  );
  try {
    const entries: TreeEntry[] = [];
    for await (const entry of packageEntries(pkg)) {
      options.signal?.throwIfAborted();
      // Names that begin with a dot at the top are for apk itself; it does not install them.
      if (entry.name.startsWith('.')) continue;
      if (entry.type !== 'file') {
        entries.push({ header: entry });
        continue;
      }
      const offset = spool.size;
      for await (const chunk of entry.content) {
        const written = spool.append(chunk);
        if (written !== undefined) await written;
      }
      entries.push({ header: entry, content: spool.range(offset, entry.size) });
    }
    await spool.flush();
    return { tree: treeOf(pkg.file, entries), close: () => spool.close() };
  } catch (error) {
    await spool.close();
    throw error;
  }
}

function treeOf(file: string, entries: readonly TreeEntry[]): PackageTree {
  try {
    return packageTree(entries);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    const details = { path: file, why: `cannot be taken: ${cause.message}` };
    throw buildError(errors, 'PACKAGE_OUTPUT_INVALID', details, { cause });
  }
}
