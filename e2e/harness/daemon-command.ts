// Finds a BuildKit daemon or starts one, prints its address as JSON, and keeps it until standard input ends.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { formatEndpoint } from '@melange2/buildkit-client';
import { findDaemon, startPrivateDaemon } from '@melange2/daemon';
import { isBuildError } from '@melange2/diagnostics';
import { cacheDir } from '../world/cache-dir.ts';
import { daemonProgram } from './daemon-programs.ts';

interface Held {
  readonly address: string;
  readonly origin: string;
  readonly close: () => Promise<void>;
}

const say = (text: string): void => void process.stderr.write(`daemon: ${text}\n`);

async function hold(): Promise<Held> {
  try {
    const environment = { variables: process.env, home: homedir() };
    return await findDaemon({ environment, onProgress: say });
  } catch (error) {
    const named = process.env['BUILDKIT_HOST'] !== undefined;
    if (!isBuildError(error) || named || process.getuid?.() !== 0) throw error;
    say(
      'none is there; unpacking docker.io of Debian 13 into the cache (nothing is installed on this machine)',
    );
  }
  const cache = cacheDir();
  const daemon = await startPrivateDaemon(join(cache, 'daemon'), await daemonProgram(cache, '0.13'));
  return {
    address: formatEndpoint(daemon.endpoint),
    origin: 'private daemon, unpacked',
    close: () => daemon.stop(),
  };
}

try {
  const { address, origin, close } = await hold();
  process.stdout.write(`${JSON.stringify({ address, origin })}\n`);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once('close', resolve));
  await close();
} catch (error) {
  if (!isBuildError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  if (process.getuid?.() !== 0) {
    process.stderr.write('As root on Debian, the demo starts a daemon of its own.\n');
  }
  process.exitCode = 3;
}
