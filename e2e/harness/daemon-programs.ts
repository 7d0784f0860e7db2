import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installedDaemons, type DaemonProgram, type PrivateDaemonOptions } from '@melange2/daemon';
import { openAptRoot, type Suite } from '../world/apt-root.ts';
import { runProgram } from '../world/run-program.ts';

/**
 * BuildKit's version in a daemon that tests run on: `0.8`, `0.13` and `0.25`, each as the Docker engine of a Debian
 * release has it, and that of the `buildkitd` on PATH, which is `buildkitd` where it does not tell its version.
 */
export type DaemonAge = string;

const suites: ReadonlyMap<DaemonAge, Suite> = new Map([
  ['0.8', 'bookworm'],
  ['0.13', 'trixie'],
  ['0.25', 'sid'],
]);

/** All that can be started here, the oldest first. */
export async function daemonAges(): Promise<readonly DaemonAge[]> {
  const installed = await installedBuildkitd();
  return [...new Set([...suites.keys(), ...(installed === undefined ? [] : [installed.age])])];
}

async function installedBuildkitd(): Promise<{ age: DaemonAge; program: DaemonProgram } | undefined> {
  const programs = await installedDaemons(process.env['PATH'] ?? '', process.getuid?.() === 0);
  const program = programs.find(({ kind }) => kind === 'buildkitd');
  if (program === undefined) return undefined;
  // Of a build from source it is v0.0.0.
  const version = /\bv(\d+\.\d+)\.\d+/.exec(await runProgram(program.path, ['--version']))?.[1];
  return { age: version === undefined || version === '0.0' ? 'buildkitd' : version, program };
}

const packagesOf: Readonly<Record<Suite, readonly string[]>> = {
  // runc and its libraries serve the later releases too: theirs need a newer C library than Debian 12 has.
  bookworm: ['docker.io', 'containerd', 'runc', 'libdevmapper1.02.1', 'libseccomp2'],
  trixie: ['docker.io', 'containerd'],
  sid: ['docker.io', 'containerd'],
};

/**
 * Gives a daemon of an age, ready to be started: the `buildkitd` on PATH, or a Docker engine, unpacked from Debian's
 * packages into the cache, with nothing installed on the machine.
 */
export async function daemonProgram(
  cache: string,
  age: DaemonAge,
): Promise<Pick<PrivateDaemonOptions, 'program' | 'path' | 'env' | 'containerdStore'>> {
  const bookworm = await unpacked(cache, 'bookworm');
  const triplet = (
    await runProgram('dpkg-architecture', ['-q', 'DEB_HOST_MULTIARCH']).catch(() => '')
  ).trim();
  const libraries = (triplet === '' ? ['x86_64-linux-gnu', 'aarch64-linux-gnu'] : [triplet]).flatMap(
    (name) => [join(bookworm, 'usr/lib', name), join(bookworm, 'lib', name)],
  );
  const env = { LD_LIBRARY_PATH: libraries.filter((folder) => existsSync(folder)).join(':') };
  const path = process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin';
  const suite = suites.get(age);
  if (suite === undefined) {
    const installed = await installedBuildkitd();
    if (installed?.age !== age) throw new Error(`There is no daemon of BuildKit ${age}.`);
    // It comes without runc, and the machine's own may be missing.
    return { program: installed.program, path: `${path}:${join(bookworm, 'usr/sbin')}`, env };
  }
  const root = suite === 'bookworm' ? bookworm : await unpacked(cache, suite);
  return {
    program: { kind: 'dockerd', path: join(root, 'usr/sbin/dockerd') },
    path: [join(bookworm, 'usr/sbin'), join(root, 'usr/bin'), join(root, 'usr/sbin'), path].join(':'),
    env,
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
