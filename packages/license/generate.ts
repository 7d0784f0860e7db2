// Makes generated/spdx-corpus.bin from the texts of all licences that SPDX lists; src/spdx-corpus.ts reads it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import spdxList from 'spdx-license-list/spdx-full.json' with { type: 'json' };
import { licenseCorpus } from './src/license-corpus.ts';

interface ListedLicense {
  readonly licenseText: string;
  readonly osiApproved: boolean;
}

const list = spdxList as Readonly<Record<string, ListedLicense>>;

const corpus = licenseCorpus(
  Object.fromEntries(
    Object.entries(list).map(([id, { licenseText, osiApproved }]) => {
      // SPDX has the text of the GPL behind that of the LGPL, which refers to it.
      const text = id.startsWith('LGPL-3.0')
        ? (licenseText.split(/\n\s*GNU GENERAL PUBLIC LICENSE/)[0] ?? '')
        : licenseText;
      return [id, { text, common: osiApproved }];
    }),
  ),
);

const licenses = corpus.map(({ id, words, common, groups }) => [id, words, common ? 1 : 0, groups.length]);
const groups = Buffer.alloc(4 * corpus.reduce((sum, license) => sum + license.groups.length, 0));
let at = 0;
for (const license of corpus) {
  for (const group of license.groups) at = groups.writeUInt32LE(group, at);
}

const listed = JSON.stringify(licenses);
// The groups are read where they lie, so they begin at a multiple of their four bytes.
const padding = ' '.repeat(3 - (listed.length % 4));

const out = join(import.meta.dirname, 'generated');
mkdirSync(out, { recursive: true });
writeFileSync(join(out, 'spdx-corpus.bin'), Buffer.concat([Buffer.from(`${listed}${padding}\n`), groups]));
