import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  bytesSource,
  formatIndex,
  indexRecordOf,
  openPackage,
  packageEntries,
  packageTree,
} from '@melange2/apk';
import { analyse } from '@melange2/sca';
import type { Compare } from './comparison.ts';
import { withoutZeroTime } from './indexes.ts';

/** Answers about packages, by file. */
export interface GivenPackages {
  readonly [file: string]: unknown;
}

interface GivenPackage {
  readonly file: string;
  readonly present: boolean;
  readonly checksum: string;
  readonly apkindex: string;
  readonly options?: Readonly<Record<string, boolean>> | null;
  readonly declaredRuntime?: readonly string[] | null;
  readonly sca?: {
    readonly runtime?: readonly string[];
    readonly provides?: readonly string[];
    readonly vendored?: readonly string[];
  };
}

/** The packages of the reference's own test data: identity, index record, what their files need and offer. */
export async function givenPackages(answers: GivenPackages, root: string, compare: Compare): Promise<void> {
  for (const one of Object.values((answers['packages'] ?? answers) as Record<string, GivenPackage>)) {
    if (!one.present) continue;
    const file = one.file;
    const bytes = readFileSync(join(root, file.startsWith('apks/') ? file : `apks/${file}`));
    const pkg = await openPackage(bytesSource(bytes), { file, checkData: false });
    compare(`${file} identity`, pkg.identity, one.checksum);
    const entries = [];
    for await (const entry of packageEntries(pkg)) {
      const content = entry.type === 'file' ? { content: bytesSource(await entry.bytes()) } : {};
      entries.push({ header: entry, ...content });
    }
    const options = one.options ?? {};
    const found = await analyse({
      name: pkg.info.name,
      version: pkg.info.version,
      tree: packageTree(entries.filter((e) => !e.header.name.startsWith('.'))),
      declared: one.declaredRuntime ?? [],
      noCommands: options['no-commands'] ?? false,
      noDepends: options['no-depends'] ?? false,
      noProvides: options['no-provides'] ?? false,
    });
    compare(`${file} depends`, found.depends, one.sca?.runtime ?? []);
    compare(`${file} provides`, found.provides, one.sca?.provides ?? []);
    compare(`${file} vendored`, found.vendored, one.sca?.vendored ?? []);
    compare(
      `${file} APKINDEX`,
      formatIndex([indexRecordOf(pkg)]).trim(),
      withoutZeroTime(one.apkindex).trim(),
    );
  }
}
