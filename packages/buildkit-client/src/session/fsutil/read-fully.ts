import { readSync } from 'node:fs';

/** Fills the range of the buffer from the file; returns less only at the end of the file. */
export function readFully(fd: number, buffer: Buffer, at: number, length: number, position: number): number {
  let done = 0;
  while (done < length) {
    const bytes = readSync(fd, buffer, at + done, length - done, position + done);
    if (bytes === 0) break;
    done += bytes;
  }
  return done;
}
