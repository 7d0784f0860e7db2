/** Watches over work that tells how it goes. */
export interface StallWatch {
  /** Aborted when nothing was told for too long. */
  readonly signal: AbortSignal;
  /** Tells that it goes on; the first time, watching begins. */
  readonly touch: () => void;
  /** Ends the watch. */
  readonly stop: () => void;
}

/** Makes a watch that gives up after `limitMs` without a word. */
export function stallWatch(limitMs: number): StallWatch {
  const stalled = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  return {
    signal: stalled.signal,
    touch() {
      clearTimeout(timer);
      timer = setTimeout(
        () => stalled.abort(new Error(`nothing was heard for ${limitMs / 1000} s`)),
        limitMs,
      );
    },
    stop: () => clearTimeout(timer),
  };
}
