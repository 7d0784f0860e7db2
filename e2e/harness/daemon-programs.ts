import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PrivateDaemonOptions } from '@melange2/daemon';
import { openAptRoot, type Suite } from '../world/apt-root.ts';
import { runProgram } from '../world/run-program.ts';

/** BuildKit's versions that tests run on, each as the Docker engine of a Debian release has it. */
export type DaemonAge = '0.8' | '0.13' | '0.25';

export const daemonAges: readonly DaemonAge[] = ['0.8', '0.13', '0.25'];

const suites: Readonly<Record<DaemonAge, Suite>> = { '0.8': 'bookworm', '0.13': 'trixie', '0.25': 'sid' };

const packagesOf: Readonly<Record<Suite, readonly string[]>> = {
  // runc and its libraries serve the later releases too: theirs need a newer C library than Debian 12 has.
  bookworm: ['docker.io', 'containerd', 'runc', 'libdevmapper1.02.1', 'libseccomp2'],
  trixie: ['docker.io', 'containerd'],
  sid: ['docker.io', 'containerd'],
};

/**
 * Gives a Docker engine of an age, ready to be started: unpacked from Debian's packages into the cache, with nothing
 * installed on the machine.
 */
export async function daemonProgram(
  cache: string,
  age: DaemonAge,
): Promise<Pick<PrivateDaemonOptions, 'program' | 'path' | 'env' | 'containerdStore'>> {
  const bookworm = await unpacked(cache, 'bookworm');
  const suite = suites[age];
  const root = suite === 'bookworm' ? bookworm : await unpacked(cache, suite);
  const triplet = (
    await runProgram('dpkg-architecture', ['-q', 'DEB_HOST_MULTIARCH']).catch(() => '')
  ).trim();
  const libraries = (triplet === '' ? ['x86_64-linux-gnu', 'aarch64-linux-gnu'] : [triplet]).flatMap(
    (name) => [join(bookworm, 'usr/lib', name), join(bookworm, 'lib', name)],
  );
  return {
    program: { kind: 'dockerd', path: join(root, 'usr/sbin/dockerd') },
    path: [
      join(bookworm, 'usr/sbin'),
      join(root, 'usr/bin'),
      join(root, 'usr/sbin'),
      process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    ].join(':'),
    env: { LD_LIBRARY_PATH: libraries.filter((folder) => existsSync(folder)).join(':') },
    containerdStore: suite !== 'bookworm',
  };
}

async function unpacked(cache: string, suite: Suite): Promise<string> {
  const base = join(cache, 'daemons', suite);
  const current = join(base, 'current');
  const kept = await readFile(current, 'utf8').catch(() => '');
  if (kept !== '' && existsSync(join(base, kept))) return join(base, kept);

  const apt = await openAptRoot(cache, suite);
  const debs = await apt.only(packagesOf[suite]);
  const files = await apt.download(debs, join(cache, 'debs'));
  const name = createHash('sha256')
    .update(debs.map((deb) => deb.file).join(' '))
    .digest('hex')
    .slice(0, 12);
  const root = join(base, name);
  if (!existsSync(root)) {
    const partial = `${root}.partial-${process.pid}`;
    await mkdir(partial, { recursive: true });
    for (const file of files) await runProgram('dpkg-deb', ['--extract', file, partial]);
    await rename(partial, root).catch(() => rm(partial, { recursive: true, force: true }));
  }
  await writeFile(current, name);
  return root;
}
