import type { Client, UsageRecord } from '@melange2/buildkit-client';
import { type CacheMountIdentity, parseCacheMountDescription, parseCacheMountId } from '@melange2/cache';

/** A cache mount as the daemon keeps it. */
export interface CacheMountRecord {
  /** What the daemon calls the record. */
  readonly record: string;
  /** Its identity, where the daemon tells it. */
  readonly id: string | undefined;
  /** What the identity says, of mounts that melange2 made. */
  readonly identity: CacheMountIdentity | undefined;
  /** Where it was mounted when it was first used; absent for one that an import made. */
  readonly target: string | undefined;
  readonly sizeBytes: number;
  readonly createdMs: number | undefined;
  readonly lastUsedMs: number | undefined;
  readonly usageCount: number;
  readonly inUse: boolean;
}

/**
 * Asks a daemon for its cache mounts, those that other programs made too.
 *
 * The daemon walks through each mount that was used since it was last asked, to know its size.
 */
export async function readCacheRecords(
  client: Client,
  signal: AbortSignal,
): Promise<readonly CacheMountRecord[]> {
  const records = await client.diskUsage({ filter: ['type==exec.cachemount'], signal });
  return records.flatMap((record) => cacheMountRecord(record) ?? []);
}

/** Where export and import mount a cache: no step has it there. */
export const importTarget = '/melange2-cache';

/** Reads one record of the daemon's usage; `undefined` when it is no cache mount. */
export function cacheMountRecord(usage: UsageRecord): CacheMountRecord | undefined {
  const described = parseCacheMountDescription(usage.description);
  if (usage.type !== 'exec.cachemount' || described === undefined) return undefined;
  const { id: record, sizeBytes, createdMs, lastUsedMs, usageCount, inUse } = usage;
  const { id } = described;
  const target = described.target === importTarget ? undefined : described.target;
  const identity = id === undefined ? undefined : parseCacheMountId(id);
  return { record, id, identity, target, sizeBytes, createdMs, lastUsedMs, usageCount, inUse };
}
