import type { control, protobuf } from '@melange2/proto';

/** One record of a daemon's build cache. */
export interface UsageRecord {
  readonly id: string;
  readonly mutable: boolean;
  readonly inUse: boolean;
  readonly shared: boolean;
  readonly sizeBytes: number;
  readonly parents: readonly string[];
  readonly createdMs: number | undefined;
  readonly lastUsedMs: number | undefined;
  readonly usageCount: number;
  readonly description: string;
  /** `regular`, `source.local`, `exec.cachemount`, … */
  readonly type: string;
}

/** What is to be removed. Nothing given: all that is not in use and not younger than the daemon's rules say. */
export interface PruneOptions {
  /** Filters as in containerd, such as `type==exec.cachemount`. */
  readonly filter?: readonly string[];
  /** Internal and shared records too. */
  readonly all?: boolean;
  readonly keepDurationMs?: number;
  readonly reservedSpaceBytes?: number;
  /** 0.19 and later. */
  readonly maxUsedSpaceBytes?: number;
  /** 0.19 and later. */
  readonly minFreeSpaceBytes?: number;
  readonly signal?: AbortSignal;
}

/** Reads a record from the wire. */
export function readUsageRecord(record: control.UsageRecord): UsageRecord {
  return {
    id: record.ID,
    mutable: record.Mutable,
    inUse: record.InUse,
    shared: record.Shared,
    sizeBytes: Number(record.Size),
    // Before 0.11 there was one parent, in a field of its own.
    parents: record.Parents.length > 0 || record.Parent === '' ? record.Parents : [record.Parent],
    createdMs: milliseconds(record.CreatedAt),
    lastUsedMs: milliseconds(record.LastUsedAt),
    usageCount: Number(record.UsageCount),
    description: record.Description,
    type: record.RecordType,
  };
}

/** Milliseconds since the Unix epoch; `undefined` for an absent time. */
export function milliseconds(at: protobuf.Timestamp | undefined): number | undefined {
  return at === undefined ? undefined : Number(at.seconds) * 1000 + at.nanos / 1e6;
}
