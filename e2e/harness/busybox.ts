import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { mkdir as mkdirIn, mkfile, scratch, type State } from '@melange2/llb';
import { openAptRoot } from '../world/apt-root.ts';
import { cacheDir } from '../world/cache-dir.ts';
import { runProgram } from '../world/run-program.ts';

/** Returns the path of a statically linked busybox, fetched from Debian once. */
export async function staticBusybox(cache: string = cacheDir()): Promise<string> {
  const folder = join(cache, 'busybox-static');
  if (!existsSync(folder)) {
    const apt = await openAptRoot(cache, 'bookworm');
    const [deb] = await apt.download(await apt.only(['busybox-static']), join(cache, 'debs'));
    const partial = `${folder}.partial-${process.pid}`;
    await mkdir(partial, { recursive: true });
    await runProgram('dpkg-deb', ['--extract', deb!, partial]);
    await rename(partial, folder).catch(() => rm(partial, { recursive: true, force: true }));
  }
  return join(folder, 'bin/busybox');
}

/** A root file system of nothing but `/bin/busybox`, which is in the graph itself: it needs no session. */
export async function busyboxState(): Promise<State> {
  const data = await readFile(await staticBusybox());
  return scratch().file([mkdirIn('/bin', { mode: 0o755 }), mkfile('/bin/busybox', data, { mode: 0o755 })], {
    customName: 'busybox',
  });
}

/** The arguments of a shell command on `busyboxState`. */
export function sh(script: string): readonly string[] {
  return ['/bin/busybox', 'sh', '-c', script];
}
