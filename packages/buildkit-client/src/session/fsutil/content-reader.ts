import { Worker } from 'node:worker_threads';
import type { ReadAhead, ReadResults } from './content-reader-worker.ts';

/** Reads files in a thread of its own, and makes the times of their contents. */
export interface ContentReader {
  /** False until the thread runs, and when it has ended. */
  readonly ready: () => boolean;
  /** How many calls of `read` are not answered yet. */
  readonly waiting: () => number;
  /** Reads files into the memory. Resolves to `undefined` when the thread has ended. */
  readonly read: (memory: SharedArrayBuffer, files: ReadAhead['files']) => Promise<ReadResults | undefined>;
  readonly close: () => void;
}

/** Readers for one transfer after the other. */
export interface ContentReaders {
  /** Returns the reader that was given back, or a new one. */
  readonly take: () => ContentReader;
  /** Keeps a reader that has nothing to do any more for the next transfer; others are closed. */
  readonly giveBack: (reader: ContentReader) => void;
  /** Closes what is kept. */
  readonly close: () => void;
}

/** Keeps one reader: a thread that has run does the same work again in half of the time. */
export function contentReaders(): ContentReaders {
  let kept: ContentReader | undefined;
  return {
    take() {
      const reader = kept?.ready() === true ? kept : startContentReader();
      kept = undefined;
      return reader;
    },
    giveBack(reader) {
      if (kept === undefined && reader.ready() && reader.waiting() === 0) kept = reader;
      else reader.close();
    },
    close: () => kept?.close(),
  };
}

/** Starts the thread. When it cannot be had, it is never ready. */
export function startContentReader(): ContentReader {
  const waiting = new Map<number, (results: ReadResults | undefined) => void>();
  let state: 'starting' | 'ready' | 'ended' = 'starting';
  let numbers = 0;
  const worker = new Worker(entry(), {
    name: 'buildkit-contents',
    execArgv: [],
    // It makes little garbage, which need not fill the megabytes that are usual.
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  });
  worker.unref();
  const end = (): void => {
    state = 'ended';
    for (const resolve of waiting.values()) resolve(undefined);
    waiting.clear();
  };
  worker.on('online', () => {
    if (state === 'starting') state = 'ready';
  });
  worker.on('message', (results: ReadResults) => {
    waiting.get(results.number)?.(results);
    waiting.delete(results.number);
  });
  // Also a bundle without the entry ends here: files are then read where they are sent.
  worker.on('error', end);
  worker.on('exit', end);
  return {
    ready: () => state === 'ready',
    waiting: () => waiting.size,
    read: (memory, files) =>
      new Promise((resolve) => {
        if (state !== 'ready') {
          resolve(undefined);
          return;
        }
        const number = ++numbers;
        waiting.set(number, resolve);
        // The rule means browsers; a thread has no origin.
        // oxlint-disable-next-line unicorn/require-post-message-target-origin
        worker.postMessage({ number, memory, files } satisfies ReadAhead);
      }),
    close() {
      end();
      void worker.terminate();
    },
  };
}

/** Beside this file in the sources, in the build, and in bundles that have it as an entry. */
function entry(): URL {
  const name = import.meta.url.endsWith('.ts') ? 'content-reader-worker.ts' : 'content-reader-worker.js';
  return new URL(name, import.meta.url);
}
