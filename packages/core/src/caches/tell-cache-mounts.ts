import type { Client } from '@melange2/buildkit-client';
import { parseCacheMountId } from '@melange2/cache';
import type { BuildPlan, PlannedMount } from '@melange2/pipeline';
import { type CacheMountRecord, readCacheRecords } from './cache-records.ts';
import type { EventBus, UntimedEvent } from '../event-bus.ts';
import type { KnownVertex, StepTracker } from '../steps/step-tracker.ts';

export interface CacheMountsOfBuild {
  readonly client: Client;
  readonly bus: EventBus;
  readonly plan: BuildPlan;
  readonly known: ReadonlyMap<string, KnownVertex>;
  readonly tracker: Pick<StepTracker, 'ranSince'>;
  readonly caps: ReadonlySet<string>;
}

/** A mount that was used, and when its first step began, by the daemon's clock. */
interface UsedMount {
  readonly mount: PlannedMount;
  readonly sinceMs: number;
}

/**
 * Tells of the cache mounts that a build's steps have used: whether there was one before, and how large it is now.
 *
 * One that came into being after its first step began is fresh. A daemon that does not tell is no failure.
 */
export async function tellCacheMounts(build: CacheMountsOfBuild, signal: AbortSignal): Promise<void> {
  const used = usedMounts(build);
  if (used.length === 0) return;
  const records = await readCacheRecords(build.client, signal).catch(() => []);
  if (signal.aborted) return;
  const facts = { architecture: build.plan.architecture, sizes: sizesOf(build.caps) };
  for (const one of used) build.bus.emit(usedEvent(one, records, facts));
}

function usedMounts({ known, tracker }: CacheMountsOfBuild): UsedMount[] {
  const used = new Map<string, UsedMount>();
  for (const [vertex, { step, kind }] of known) {
    const sinceMs = kind === 'command' ? tracker.ranSince(vertex) : undefined;
    if (step === undefined || sinceMs === undefined) continue;
    for (const mount of step.mounts) {
      const before = used.get(mount.id)?.sinceMs ?? Number.POSITIVE_INFINITY;
      if (sinceMs < before) used.set(mount.id, { mount, sinceMs });
    }
  }
  return [...used.values()].toSorted((a, b) => (a.mount.id < b.mount.id ? -1 : 1));
}

/** Whether a daemon measures a mount anew after it was used; before 0.10 it tells what it measured first. */
function sizesOf(caps: ReadonlySet<string>): 'current' | 'first' {
  return caps.has('mergeop') ? 'current' : 'first';
}

/** What is told of one mount, from the daemon's records; no size rather than one of earlier. */
export function usedEvent(
  { mount, sinceMs }: UsedMount,
  records: readonly CacheMountRecord[],
  { architecture, sizes }: { readonly architecture: string; readonly sizes: 'current' | 'first' },
): UntimedEvent {
  const { id, target } = mount;
  const own = records.filter((record) => record.id === id && (record.lastUsedMs ?? sinceMs) >= sinceMs);
  const before = own.some(({ createdMs }) => createdMs !== undefined && createdMs < sinceMs);
  const name = parseCacheMountId(id)?.name;
  return {
    type: 'cacheMountUsed',
    id,
    architecture,
    target,
    state: own.length === 0 ? 'unknown' : before ? 'hit' : 'fresh',
    ...(name === undefined ? {} : { name }),
    ...(own.length === 0 || (before && sizes === 'first')
      ? {}
      : { sizeBytes: own.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) }),
  };
}
