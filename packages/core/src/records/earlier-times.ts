import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { recordSlug, stateFolder } from './build-record.ts';
import type { RecordedBuild } from './read-records.ts';

/** How long a step ran when it ran last, in milliseconds; `undefined` when that is not known. */
export type EarlierTimes = (
  architecture: string,
  owner: string | undefined,
  step: string,
) => number | undefined;

/** Builds that are looked at, from the latest on: in each some steps ran, and others came from the cache. */
const lookedAt = 5;

/**
 * Reads how long the steps of a package ran in earlier builds of it. Records that cannot be read are passed over.
 *
 * @param own the folder of the build that asks
 */
export async function earlierTimes(
  env: Readonly<Record<string, string | undefined>>,
  packageName: string,
  own: string,
): Promise<EarlierTimes> {
  const folder = join(stateFolder(env), 'builds');
  const names = await readdir(folder).catch((): string[] => []);
  const ofPackage = new RegExp(
    `^\\d{8}-\\d{6}-${recordSlug(packageName).replaceAll(/[.+]/g, '\\$&')}(?:-\\d+)?$`,
  );
  const latest = names
    .filter((name) => ofPackage.test(name) && name !== basename(own))
    .toSorted()
    .slice(-lookedAt);
  const times = new Map<string, number>();
  for (const name of latest) {
    const text = await readFile(join(folder, name, 'record.json'), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    for (const step of (JSON.parse(text) as RecordedBuild).steps) {
      const { cached, durationMs, error } = step;
      if (cached === true || durationMs === undefined || error !== undefined) continue;
      times.set(keyOf(step.architecture ?? '', step.package, step.name), durationMs);
    }
  }
  return (architecture, owner, step) => times.get(keyOf(architecture, owner, step));
}

function keyOf(architecture: string, owner: string | undefined, step: string): string {
  return JSON.stringify([architecture, owner ?? '', step]);
}
