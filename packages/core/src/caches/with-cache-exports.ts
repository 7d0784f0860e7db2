import { isSolveError } from '@melange2/buildkit-client';
import type { CacheBackend } from '@melange2/plugin-api';

export interface CacheExportAttempt {
  /** Has the daemon build, and write to these caches. */
  readonly ask: (cacheExports: readonly CacheBackend[]) => Promise<unknown>;
  /** Whether the build's result has arrived. */
  readonly isReceived: () => boolean;
  /** Whether the daemon has told of any step. */
  readonly isStarted: () => boolean;
  /** Aborted when the daemon has said nothing for too long after the result has arrived. */
  readonly stalled?: AbortSignal;
  /** Told why a cache was not written; the type when only those of one type were not. */
  readonly onNotWritten: (why: string, type?: string) => void | Promise<void>;
}

/**
 * Builds, and writes caches beside: a cache that cannot be written never fails the build and never runs it again.
 *
 * The daemon writes caches after it has sent the result, so a failure from then on is the caches' own. A kind of cache
 * that it cannot open it refuses before it runs anything: it is then asked without that kind.
 */
export async function withCacheExports(
  cacheExports: readonly CacheBackend[],
  { ask, isReceived, isStarted, stalled, onNotWritten }: CacheExportAttempt,
): Promise<void> {
  let exports = cacheExports;
  for (;;) {
    try {
      await ask(exports);
      return;
    } catch (error) {
      if (stalled?.aborted === true && isReceived() && error === stalled.reason)
        return await onNotWritten(
          stalled.reason instanceof Error ? stalled.reason.message : 'it took too long',
        );
      if (exports.length === 0 || !isSolveError(error)) throw error;
      const { text } = error.details;
      if (isReceived()) return await onNotWritten(text);
      const left = isStarted() ? exports : withoutRefused(exports, text);
      if (left.length === exports.length) throw error;
      for (const type of new Set(exports.filter((e) => !left.includes(e)).map((e) => e.type)))
        await onNotWritten(text, type);
      exports = left;
    }
  }
}

/** The caches without those that the daemon, in its words, does not have, cannot open, or takes one of at a time. */
function withoutRefused(exports: readonly CacheBackend[], message: string): readonly CacheBackend[] {
  // Before 0.12.
  if (message.includes('specifying multiple cache exports is not supported')) return exports.slice(0, 1);
  const [, unknown, wrong] =
    /unknown cache exporter: "?(\w+)"?|failed to configure (\w+) cache exporter/.exec(message) ?? [];
  return exports.filter(({ type }) => type !== (unknown ?? wrong));
}
