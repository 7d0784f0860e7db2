// Makes src/generated/spdx-corpus.ts from the texts of all licences that SPDX lists.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
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

const out = join(import.meta.dirname, 'src/generated');
mkdirSync(out, { recursive: true });
writeFileSync(
  join(out, 'spdx-corpus.ts'),
  `// Made by packages/license/generate.ts from the list of SPDX.
/** Of each licence its id, how many words its groups cover, whether it is common, and how many groups it has. */
export const licenses: readonly (readonly [string, number, number, number])[] = ${JSON.stringify(licenses)};
/** The groups of all licences, one behind the other: little endian, 4 bytes each, deflated, as base64. */
export const groups: string = '${deflateRawSync(groups, { level: 9 }).toString('base64')}';
`,
);
