import type { BuildEvent } from '@melange2/progress';
import type { CacheMount, CacheStep } from '@melange2/cache';
import { AsyncSeriesHook, SyncHook, SyncWaterfallHook } from 'tapable';
import type { BuilderInfo } from './contexts.ts';
import type { BuildSummary } from './contexts.ts';

/**
 * The hooks of one builder. The name says the kind: `modify*` passes a value on, `resolve*` and `lower*` take
 * the first answer, `check*` and `attach*` hand out a collector, a past participle only tells.
 */
export interface BuildHooks {
  /** Tells that all plugins are applied. Kind: sync. Runs once, before anything is read. */
  readonly initialized: SyncHook<[info: BuilderInfo]>;
  /**
   * Adds, changes or removes the cache mounts of one step. Kind: waterfall, sync. Runs for each step, after
   * `modifyPlan`. Return the mounts, changed or not; `undefined` keeps the previous ones.
   */
  readonly modifyCacheMounts: SyncWaterfallHook<[mounts: readonly CacheMount[], step: CacheStep]>;
  /**
   * Tells what happens, as it happens. Kind: sync. Runs for each event, in order; a tap that fails is dropped
   * with one warning.
   */
  readonly eventReceived: SyncHook<[event: BuildEvent]>;
  /**
   * Tells that the build ended, succeeded, failed or canceled. Kind: async series. All taps run; failures are
   * collected.
   */
  readonly buildFinished: AsyncSeriesHook<[summary: BuildSummary]>;
  /** Tells that the builder is done; whoever holds a handle lets go. Kind: async series. All taps run. */
  readonly closed: AsyncSeriesHook<[]>;
}

/** Makes the hooks of one builder. */
export function createBuildHooks(): BuildHooks {
  return {
    initialized: new SyncHook<[info: BuilderInfo]>(['info']),
    modifyCacheMounts: new SyncWaterfallHook<[mounts: readonly CacheMount[], step: CacheStep]>([
      'mounts',
      'step',
    ]),
    eventReceived: new SyncHook<[event: BuildEvent]>(['event']),
    buildFinished: new AsyncSeriesHook<[summary: BuildSummary]>(['summary']),
    closed: new AsyncSeriesHook<[]>([]),
  };
}
