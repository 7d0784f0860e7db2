import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { detectLicenses, spdxCorpus } from './index.ts';

test('the corpus has what SPDX lists, and tells this project’s own licence', async () => {
  const corpus = await spdxCorpus();
  expect(corpus.length).toBeGreaterThan(500);
  expect(corpus.filter(({ common }) => common).length).toBeGreaterThan(100);
  expect(corpus.every(({ groups }) => groups.length >= 15 && groups.some((group) => group !== 0))).toBe(true);
  const own = readFileSync(join(import.meta.dirname, '../../../LICENSE'), 'utf8');
  expect(detectLicenses(own, corpus)[0]).toEqual({ id: 'Apache-2.0', confidence: 1 });
});
