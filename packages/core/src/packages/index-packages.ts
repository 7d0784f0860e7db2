import { readFile } from 'node:fs/promises';
import {
  indexRecordOf,
  type IndexRecord,
  mergeRecords,
  openPackage,
  readIndex,
  type SigningKey,
  sortRecords,
  writeIndex,
} from '@melange2/apk';
import { openFileSource, unreadable } from '../file-source.ts';
import { writeAside } from '../write-aside.ts';

export interface IndexRequest {
  readonly packages: readonly string[];
  /** Where the index goes. */
  readonly output: string;
  /** An index whose records are kept, as far as `packages` have no newer ones of the same name and version. */
  readonly mergeFrom?: string;
  /** Only packages of this architecture are taken. */
  readonly architecture?: string;
  readonly key?: SigningKey;
  readonly description?: string;
}

export interface IndexedPackages {
  readonly records: number;
  /** Packages that were left out for their architecture. */
  readonly skipped: readonly string[];
}

/**
 * Writes the index of packages, sorted, whole or not at all.
 *
 * @throws {BuildError} FILE_UNREADABLE, and those of `openPackage` and `readIndex`
 */
export async function indexPackages(request: IndexRequest): Promise<IndexedPackages> {
  const records: IndexRecord[] = [];
  const skipped: string[] = [];
  for (const file of request.packages) {
    const source = await openFileSource(file);
    try {
      const pkg = await openPackage(source, { file });
      const { arch } = pkg.info;
      if (request.architecture !== undefined && arch !== request.architecture && arch !== 'noarch')
        skipped.push(file);
      else records.push(indexRecordOf({ info: pkg.info, identity: pkg.identity, size: source.size }));
    } finally {
      await source.close();
    }
  }
  const existing = request.mergeFrom === undefined ? [] : await existingRecords(request.mergeFrom);
  const merged = sortRecords(mergeRecords(existing, records));
  const bytes = await writeIndex(merged, {
    ...(request.description === undefined ? {} : { description: request.description }),
    ...(request.key === undefined ? {} : { key: request.key }),
  });
  await writeAside(request.output, bytes);
  return { records: merged.length, skipped };
}

async function existingRecords(file: string): Promise<readonly IndexRecord[]> {
  try {
    return (await readIndex(await readFile(file), { file })).records;
  } catch (cause) {
    // Merging into an index that is not there yet makes a new one.
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    if ('errno' in (cause as object)) throw unreadable(file, cause);
    throw cause;
  }
}
