import { buildError } from '@melange2/diagnostics';
import type { CacheMountRecord } from './cache-records.ts';
import { errors } from '../errors.ts';

/**
 * The mounts that a name stands for: a whole id, a name such as `go-build` with all of its users and architectures, or
 * the path of a mount that another program made.
 *
 * @throws {BuildError} CACHE_MOUNT_UNKNOWN
 */
export function chooseCacheMounts(mounts: readonly CacheMountRecord[], name: string): CacheMountRecord[] {
  const found = mounts.filter(
    ({ id, identity, target }) =>
      id === name || identity?.name === name || (identity === undefined && target === name),
  );
  if (found.length > 0) return found;
  const known = [...new Set(mounts.flatMap(({ identity }) => identity?.name ?? []))].toSorted();
  throw buildError(errors, 'CACHE_MOUNT_UNKNOWN', { name, known });
}

/**
 * The id of the one mount that a name stands for. Several records of one id are one mount.
 *
 * @throws {BuildError} CACHE_MOUNT_UNKNOWN, CACHE_MOUNT_AMBIGUOUS
 */
export function chooseCacheMount(mounts: readonly CacheMountRecord[], name: string): CacheMountRecord {
  const found = chooseCacheMounts(mounts, name);
  const ids = [...new Set(found.map(({ id, record }) => id ?? record))];
  const [one] = found;
  if (one === undefined || ids.length > 1) throw buildError(errors, 'CACHE_MOUNT_AMBIGUOUS', { name, ids });
  return one;
}
