import { expect, test } from 'vitest';
import type { CacheMountRecord } from './cache-records.ts';
import { usedEvent } from './tell-cache-mounts.ts';

const id = 'melange2/go-mod/x86_64/1000-1000';
const mount = { kind: 'cache', id, target: '/x', sharing: 'shared' } as const;
const record = (createdMs: number, lastUsedMs: number, sizeBytes: number): CacheMountRecord => ({
  record: String(createdMs),
  id,
  identity: undefined,
  target: '/x',
  sizeBytes,
  createdMs,
  lastUsedMs,
  usageCount: 1,
  inUse: false,
});

test.each([
  ['fresh when it came into being after the step began', [record(101, 110, 7)], 'fresh', 7],
  ['a hit when it was there before', [record(50, 110, 7)], 'hit', 7],
  ['unknown when only a mount of another time is known', [record(50, 60, 7)], 'unknown', undefined],
  ['unknown when the daemon tells of none', [], 'unknown', undefined],
])('a cache mount is %s', (_, records, state, sizeBytes) => {
  const facts = { architecture: 'x86_64', sizes: 'current' } as const;
  const event = usedEvent({ mount, sinceMs: 100 }, records, facts);
  expect(event).toMatchObject({ type: 'cacheMountUsed', name: 'go-mod', state });
  expect((event as { sizeBytes?: number }).sizeBytes).toBe(sizeBytes);
});

test('a size that was measured before the build is not told', () => {
  const facts = { architecture: 'x86_64', sizes: 'first' } as const;
  const event = usedEvent({ mount, sinceMs: 100 }, [record(50, 110, 7)], facts);
  expect(event).toMatchObject({ state: 'hit' });
  expect(event).not.toHaveProperty('sizeBytes');
});
