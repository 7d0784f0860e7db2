import { closeSync, fstatSync, openSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { timeOfBytes } from './content-time.ts';
import { readFully } from './read-fully.ts';

// The entry of the thread that reads contents ahead; `content-reader` starts it. It does nothing elsewhere.

/** Files to be read into shared memory. */
export interface ReadAhead {
  readonly number: number;
  readonly memory: SharedArrayBuffer;
  readonly files: readonly {
    readonly path: string;
    readonly offset: number;
    readonly sizeBytes: number;
    /** Where in the memory the content goes. */
    readonly at: number;
  }[];
}

/** What was found, in the order of the files. */
export interface ReadResults {
  readonly number: number;
  /** 1 for what was read as far as it was listed; of the others nothing is known. */
  readonly whole: Uint8Array;
  readonly times: BigInt64Array;
  /** Size, times of modification and change, and number, as they were after reading. */
  readonly looks: Float64Array;
}

const port = parentPort;
port?.on('message', ({ number, memory, files }: ReadAhead) => {
  const bytes = Buffer.from(memory);
  const results: ReadResults = {
    number,
    whole: new Uint8Array(files.length),
    times: new BigInt64Array(files.length),
    looks: new Float64Array(files.length * 4),
  };
  for (const [i, { path, offset, sizeBytes, at }] of files.entries()) {
    try {
      const fd = openSync(path, 'r');
      try {
        if (readFully(fd, bytes, at, sizeBytes, offset) !== sizeBytes) continue;
        const { size, mtimeMs, ctimeMs, ino } = fstatSync(fd);
        results.looks.set([size, mtimeMs, ctimeMs, ino], i * 4);
        results.times[i] = timeOfBytes(bytes.subarray(at, at + sizeBytes));
        results.whole[i] = 1;
      } finally {
        closeSync(fd);
      }
    } catch {
      // Whoever needs the file reads it again, and finds out what is wrong.
    }
  }
  port.postMessage(results);
});
