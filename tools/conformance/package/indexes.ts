import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  bytesSource,
  formatIndex,
  type IndexRecord,
  indexRecordOf,
  mergeRecords,
  openPackage,
  readIndex,
  writeIndex,
} from '@melange2/apk';
import { isBuildError } from '@melange2/diagnostics';
import type { Compare } from './comparison.ts';

/** One run of the index command. */
export interface IndexCase {
  readonly name: string;
  readonly packages: readonly string[];
  readonly merge?: boolean;
  readonly source?: string;
  readonly arch?: string;
  readonly existing?: string;
  readonly expect: {
    readonly apkindex?: string;
    readonly description?: string;
    readonly error?: string;
    readonly panic?: string;
  };
  readonly right?: { readonly apkindex?: string };
}

/** Makes every index and compares its text and description. */
export async function indexes(cases: readonly IndexCase[], root: string, compare: Compare): Promise<void> {
  for (const one of cases) {
    const row = `index ${one.name}`;
    const failed = await (async () => {
      const existing =
        one.merge === true && one.existing !== undefined
          ? await readIndex(Buffer.from(one.existing, 'base64'), { file: 'APKINDEX.tar.gz' })
          : undefined;
      const records: IndexRecord[] = [];
      for (const file of one.packages) {
        const pkg = await openPackage(bytesSource(readFileSync(join(root, file))), {
          file,
          checkData: false,
        });
        const { arch } = pkg.info;
        if (one.arch === undefined || arch === one.arch || arch === 'noarch')
          records.push(indexRecordOf(pkg));
      }
      const merged = mergeRecords(existing?.records ?? [], records);
      const written = await readIndex(
        await writeIndex(merged, { description: existing?.description ?? '' }),
        { file: row },
      );
      compare(
        `${row} APKINDEX`,
        formatIndex(written.records).split('\n'),
        withoutZeroTime(one.right?.apkindex ?? one.expect.apkindex ?? '').split('\n'),
      );
      if (one.expect.description !== undefined)
        compare(`${row} DESCRIPTION`, written.description, one.expect.description);
      return undefined;
    })().catch((error: unknown) => error);
    if (failed !== undefined)
      compare(`${row} is refused`, isBuildError(failed) || isMissing(failed), one.expect.error !== undefined);
  }
}

/** Whether a file was not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** A package without a build date has no line for it: the reference writes `t:0`. */
export function withoutZeroTime(index: string): string {
  return index.replaceAll(/^t:0\n/gm, '');
}
