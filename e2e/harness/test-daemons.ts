import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatEndpoint } from '@melange2/buildkit-client';
import { startPrivateDaemon, type PrivateDaemon } from '@melange2/daemon';
import { daemonAges, daemonProgram } from './daemon-programs.ts';

/** Addresses of the daemons that tests may use, by their age; `host` is the one that `BUILDKIT_HOST` names. */
export type DaemonAddresses = Readonly<Record<string, string>>;

export interface TestDaemons {
  readonly addresses: DaemonAddresses;
  /** Why there is none, where there is none. */
  readonly missing?: string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts a daemon of each age, the `buildkitd` on PATH among them, with data of its own, in a second or two. They end with this process, whatever
 * happens to it, and leave nothing.
 *
 * `MELANGE2_E2E_DAEMONS` (`0.8=docker+unix:///path,0.25=…`) names running ones to be used instead. A daemon that
 * `BUILDKIT_HOST` names is used besides them, as `host`. Without root only named daemons are used.
 */
export async function startTestDaemons(
  cache: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<TestDaemons> {
  const host = env['BUILDKIT_HOST'] ? { host: env['BUILDKIT_HOST'] } : {};
  const named = env['MELANGE2_E2E_DAEMONS'];
  const nothing = (): Promise<void> => Promise.resolve();
  if (named) {
    const pairs = named.split(',').map((pair) => pair.split('=', 2) as [string, string]);
    return { addresses: { ...Object.fromEntries(pairs), ...host }, stop: nothing };
  }
  if (process.getuid?.() !== 0) {
    return Object.keys(host).length > 0
      ? { addresses: host, stop: nothing }
      : { addresses: {}, missing: 'not root, and BUILDKIT_HOST names no daemon', stop: nothing };
  }
  // Not in /tmp, which is memory on some systems: the data of three daemons are gigabytes.
  await mkdir(cache, { recursive: true });
  const base = await mkdtemp(join(cache, 'e2e-'));
  const started: PrivateDaemon[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((daemon) => daemon.stop()));
    await rm(base, { recursive: true, force: true });
  };
  try {
    // One after the other: each may have to be unpacked, and the machine has few cores.
    const programs = [];
    for (const age of await daemonAges()) programs.push({ age, options: await daemonProgram(cache, age) });
    const addresses: Record<string, string> = Object.fromEntries(programs.map(({ age }) => [age, '']));
    await Promise.all(
      programs.map(async ({ age, options }) => {
        const daemon = await startPrivateDaemon(join(base, age), { ...options, keepData: false });
        started.push(daemon);
        addresses[age] = formatEndpoint(daemon.endpoint);
      }),
    );
    return { addresses: { ...addresses, ...host }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
