import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './package/builds.ts';
import type { Cases } from './package/cases.ts';
import { type Compare, difference } from './package/comparison.ts';
import { type GivenPackages, givenPackages } from './package/given-packages.ts';
import { type IndexCase, indexes } from './package/indexes.ts';
import { licenses, type LicenseTexts } from './package/licenses.ts';
import { type LintPaths, lintPaths } from './package/lint-paths.ts';
import { signatures, type SignCase } from './package/signatures.ts';
import { type Units, units } from './package/units.ts';
import { packageDifferences } from './package-differences.ts';
import type { Conformance } from './solver.ts';

/** Packages every tree of the vectors and compares descriptions, archives, indexes and signatures. */
export async function run(vectors: string): Promise<Conformance> {
  const root = join(vectors, 'package');
  const read = (name: string): unknown => JSON.parse(readFileSync(join(root, name), 'utf8'));
  const result = { equal: 0, listed: 0, failed: [] as string[] };
  const compare: Compare = (name, got, want) => {
    if (JSON.stringify(got) === JSON.stringify(want)) result.equal++;
    else if (packageDifferences.has(name)) result.listed++;
    else result.failed.push(`${name}\n${difference(got, want)}`);
  };
  const cases = read('cases.json') as Cases;
  for (const one of cases.cases)
    if (one.expect.error === undefined || one.right?.packages !== undefined)
      await build(one, cases, root, compare);
  await givenPackages(read('apks.json') as GivenPackages, root, compare);
  await indexes(read('index.json') as IndexCase[], root, compare);
  await signatures(read('sign.json') as SignCase[], root, compare);
  units(read('units.json') as Units, compare);
  await lintPaths(read('lint-paths.json') as LintPaths, compare);
  await licenses(read('licenses.json') as LicenseTexts, root, compare);
  return result;
}
