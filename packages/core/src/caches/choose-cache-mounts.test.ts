import { parseCacheMountId } from '@melange2/cache';
import { expect, test } from 'vitest';
import type { CacheMountRecord } from './cache-records.ts';
import { chooseCacheMount, chooseCacheMounts } from './choose-cache-mounts.ts';

const record = (id: string | undefined, target: string): CacheMountRecord => ({
  record: `${id} ${target}`,
  id,
  identity: id === undefined ? undefined : parseCacheMountId(id),
  target,
  sizeBytes: 1,
  createdMs: 0,
  lastUsedMs: 0,
  usageCount: 1,
  inUse: false,
});
const root = record('melange2/pip/x86_64/0-0', '/a');
const user = record('melange2/pip/x86_64/1000-1000', '/b');
const foreign = record('apt', '/var/cache/apt');
const mounts = [root, user, foreign];

test('a name stands for the mounts of all users, an id for one, a path for those of other programs', () => {
  expect(chooseCacheMounts(mounts, 'pip')).toEqual([root, user]);
  expect(chooseCacheMounts(mounts, 'melange2/pip/x86_64/0-0')).toEqual([root]);
  expect(chooseCacheMounts(mounts, '/var/cache/apt')).toEqual([foreign]);
  expect(() => chooseCacheMounts(mounts, '/a')).toThrow('no cache mount "/a"; it has pip');
});

test('one mount is named by a name alone when there is only one', () => {
  expect(chooseCacheMount([user, foreign], 'pip')).toBe(user);
  const ambiguous = { code: 'CACHE_MOUNT_AMBIGUOUS', message: expect.stringContaining('stands for several') };
  expect(() => chooseCacheMount(mounts, 'pip')).toThrow(expect.objectContaining(ambiguous));
});
