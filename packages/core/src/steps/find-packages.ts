import { fetchIndex, type LockedEnvironment } from '@melange2/environment';
import type { ArchitectureBuild } from '../architecture-build.ts';
import { packagesWith } from './missing-package.ts';
import type { MissingThing } from './verdict.ts';

/**
 * Looks in the repositories of an environment for what a step of it lacked. Empty when none has it, or when they cannot
 * be asked: a failed step is not to fail twice.
 */
export async function findPackages(
  { architecture, cacheDir, transport, signal }: ArchitectureBuild,
  { repositories }: LockedEnvironment,
  missing: MissingThing,
): Promise<readonly string[]> {
  const options = { arch: architecture, cacheDir, transport, signal };
  const indexes = await Promise.all(
    // Their signatures were checked when the environment was put together; here they only say names.
    repositories.map((repository) => fetchIndex(repository, options).catch(() => ({ records: [] }))),
  );
  return packagesWith(
    missing,
    indexes.flatMap(({ records }) => records),
  );
}
