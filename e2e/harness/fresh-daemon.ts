import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatEndpoint } from '@melange2/buildkit-client';
import { startPrivateDaemon } from '@melange2/daemon';
import { cacheDir } from '../world/cache-dir.ts';
import { daemonProgram, type DaemonAge } from './daemon-programs.ts';

/** A daemon of one test alone, with nothing in its cache. */
export interface FreshDaemon {
  readonly address: string;
  readonly stop: () => Promise<void>;
}

/** Whether this process may start daemons. */
export const canStartDaemons: boolean = process.getuid?.() === 0;

/** Starts a daemon of this age with no data; they go with it. `settings` are added to its `daemon.json`. */
export async function startFreshDaemon(
  age: DaemonAge,
  cache: string = cacheDir(),
  settings?: Readonly<Record<string, unknown>>,
): Promise<FreshDaemon> {
  await mkdir(cache, { recursive: true });
  const dir = await mkdtemp(join(cache, 'e2e-'));
  const given = await daemonProgram(cache, age);
  const path = settings === undefined ? given.program?.path : join(dir, 'dockerd');
  if (path === undefined) throw new Error('no program');
  if (settings !== undefined) {
    const features = given.containerdStore === true ? { features: { 'containerd-snapshotter': true } } : {};
    await writeFile(join(dir, 'daemon.json'), JSON.stringify({ ...features, ...settings }));
    // The last argument is the configuration that the daemon would have without.
    const script = `#!/bin/sh\nfor config; do :; done\ncp '${join(dir, 'daemon.json')}' "$config"\nexec '${given.program?.path}' "$@"\n`;
    await writeFile(path, script, { mode: 0o755 });
  }
  const daemon = await startPrivateDaemon(join(dir, age), {
    ...given,
    program: { kind: 'dockerd', path },
    keepData: false,
  });
  return {
    address: formatEndpoint(daemon.endpoint),
    stop: async () => {
      await daemon.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
