import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { onTestFinished } from 'vitest';

/** Mounts a file system of so many megabytes, in memory, at `path`; needs root. Gone when the test is over. */
export function smallDisk(path: string, megabytes: number): string {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path]);
  onTestFinished(() => {
    // Lazily: what a daemon leaves may hold it for a moment.
    execFileSync('umount', ['-l', path]);
  });
  return path;
}
