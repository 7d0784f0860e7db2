import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { cacheDir } from '../world/cache-dir.ts';
import { makeWorld, type World } from '../world/make-world.ts';
import { startTestDaemons, type DaemonAddresses } from './test-daemons.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    readonly daemons: DaemonAddresses;
    readonly world: World;
    /** Cache of downloaded packages, for all tests of a run: everything in it is named by its digest. */
    readonly apkCache: string;
  }
}

/** Makes the offline world and starts the daemons, once for all test files of a run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cache = cacheDir();
  const world = await makeWorld({ cache, onProgress: (text) => console.log(`world: ${text}`) });
  const daemons = await startTestDaemons(cache);
  if (daemons.missing !== undefined) console.log(`no daemons to test on: ${daemons.missing}`);
  project.provide('world', world);
  project.provide('daemons', daemons.addresses);
  const apkCache = await mkdtemp(join(tmpdir(), 'm2-e2e-apks-'));
  project.provide('apkCache', apkCache);
  return async () => {
    await daemons.stop();
    await rm(apkCache, { recursive: true, force: true });
  };
}
