import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
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

/** Starts a daemon of this age with no data; they go with it. */
export async function startFreshDaemon(age: DaemonAge, cache: string = cacheDir()): Promise<FreshDaemon> {
  await mkdir(cache, { recursive: true });
  const dir = await mkdtemp(join(cache, 'e2e-'));
  const daemon = await startPrivateDaemon(join(dir, age), {
    ...(await daemonProgram(cache, age)),
    keepData: false,
  });
  const { endpoint } = daemon;
  if (endpoint.kind !== 'docker' || endpoint.socket.kind !== 'unix') throw new Error('no Docker engine');
  return {
    address: `docker+unix://${endpoint.socket.path}`,
    stop: async () => {
      await daemon.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
