import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runProgram } from './run-program.ts';

/** A release of Debian that packages are taken from, whatever the machine itself is. */
export type Suite = 'bookworm' | 'trixie' | 'sid';

/** One Debian package file that apt would fetch. */
export interface DebFile {
  /** Name of the package. */
  readonly name: string;
  /** File name as apt gives it: version and architecture are in it. */
  readonly file: string;
  readonly size: number;
}

/** A private apt: its own lists and sources, nothing of the machine's is read or changed but its mirror's address. */
export interface AptRoot {
  readonly suite: Suite;
  /** What would have to be installed on an empty system for these packages, without recommended ones. */
  readonly closure: (names: readonly string[]) => Promise<readonly DebFile[]>;
  /** The packages themselves, without what they depend on. */
  readonly only: (names: readonly string[]) => Promise<readonly DebFile[]>;
  /** Fetches the files into `dir`, verified by apt; what is there already stays. Resolves to paths. */
  readonly download: (debs: readonly DebFile[], dir: string) => Promise<readonly string[]>;
  /** Fetches the upstream tarballs of a source package into `dir`. */
  readonly downloadSource: (name: string, dir: string) => Promise<void>;
}

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** How long fetched lists are believed before apt is asked to look again. */
const listsFreshMs = 12 * 60 * 60 * 1000;

/**
 * Opens the private apt of a suite below `dir`, with lists no older than half a day. Works without root.
 *
 * @throws Error when the machine has no apt, no Debian mirror or no keyring of Debian.
 */
export async function openAptRoot(dir: string, suite: Suite, signal?: AbortSignal): Promise<AptRoot> {
  const root = await freshLists(join(dir, 'apt', suite), suite, signal);
  const options = aptOptions(root);
  const run = (program: string, args: readonly string[], cwd?: string): Promise<string> =>
    runProgram(program, [...options, ...args], {
      ...(cwd === undefined ? {} : { cwd }),
      ...(signal === undefined ? {} : { signal }),
    });

  const uris = async (args: readonly string[]): Promise<readonly DebFile[]> => {
    const lines = (await run('apt-get', ['-q', '-y', '--print-uris', ...args])).split('\n');
    return lines
      .map((line) => /^'[^']+' (\S+\.deb) (\d+) /.exec(line))
      .filter((match) => match !== null)
      .map(([, file = '', size = '0']) => ({
        name: file.slice(0, file.indexOf('_')),
        file,
        size: Number(size),
      }));
  };

  return {
    suite,
    closure: (names) => uris(['--no-install-recommends', 'install', ...names]),
    only: (names) => uris(['download', ...names]),
    download: async (debs, to) => {
      await mkdir(to, { recursive: true });
      const missing = debs.filter((deb) => !existsSync(join(to, deb.file)));
      if (missing.length > 0) {
        // A file appears under its name only when it is whole, also when two runs fetch at once.
        const partial = join(to, `.partial-${process.pid}`);
        await mkdir(partial, { recursive: true });
        try {
          await run('apt-get', ['-q', 'download', ...missing.map((deb) => deb.name)], partial);
          for (const file of await readdir(partial)) await rename(join(partial, file), join(to, file));
        } finally {
          await rm(partial, { recursive: true, force: true });
        }
      }
      return debs.map((deb) => join(to, deb.file));
    },
    downloadSource: async (name, to) => {
      await mkdir(to, { recursive: true });
      const args = ['-q', 'source', '--download-only', '--only-source', '--tar-only', `${name}/${suite}`];
      await run('apt-get', args, to);
    },
  };
}

/**
 * The folder of a suite's lists, fetched if the newest are too old. Each fetch has a folder of its own, which gets its
 * name when it is whole, so that runs at the same time neither see half of one nor lose what they read.
 */
async function freshLists(base: string, suite: Suite, signal: AbortSignal | undefined): Promise<string> {
  await mkdir(base, { recursive: true });
  const now = Date.now();
  const kept = await readdir(base);
  const ageOf = (name: string): number => now - Number(/^lists-(\d+)/.exec(name)?.[1] ?? now);
  const newest = kept.filter((name) => /^lists-\d+$/.test(name)).toSorted((a, b) => ageOf(a) - ageOf(b))[0];
  if (newest !== undefined && ageOf(newest) <= listsFreshMs) return join(base, newest);

  const root = join(base, `lists-${now}`);
  const partial = `${root}.partial-${process.pid}`;
  try {
    for (const folder of [
      'etc/apt/apt.conf.d',
      'etc/apt/preferences.d',
      'var/lib/apt/lists/partial',
      'var/cache/apt/archives/partial',
      'var/lib/dpkg',
    ]) {
      await mkdir(join(partial, folder), { recursive: true });
    }
    await writeFile(join(partial, 'var/lib/dpkg/status'), '');
    const mirror = await mirrorOf(signal);
    await writeFile(
      join(partial, 'etc/apt/sources.list'),
      ['deb', 'deb-src'].map((kind) => `${kind} [signed-by=${keyring}] ${mirror} ${suite} main\n`).join(''),
    );
    await runProgram(
      'apt-get',
      [...aptOptions(partial), 'update', '-q'],
      signal === undefined ? {} : { signal },
    );
    await rename(partial, root);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  // A run that began before may still read the ones that were the newest until now.
  for (const name of kept) {
    if (ageOf(name) > 2 * listsFreshMs) await rm(join(base, name), { recursive: true, force: true });
  }
  return root;
}

function aptOptions(root: string): readonly string[] {
  return [
    `Dir=${root}`,
    `Dir::State::status=${join(root, 'var/lib/dpkg/status')}`,
    'APT::Sandbox::User=',
    'APT::Install-Recommends=false',
    'Acquire::Languages=none',
    'Acquire::Retries=3',
    // A mirror may hold an older state of a suite that moves; signatures are still checked.
    'Acquire::Check-Valid-Until=false',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false',
    'Acquire::IndexTargets::deb::DEP-11-icons-small::DefaultEnabled=false',
    'Acquire::IndexTargets::deb::DEP-11-icons::DefaultEnabled=false',
    'Acquire::IndexTargets::deb::DEP-11-icons-hidpi::DefaultEnabled=false',
    'Acquire::IndexTargets::deb::CNF::DefaultEnabled=false',
    'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false',
    'Debug::NoLocking=1',
  ].flatMap((option) => ['-o', option]);
}

/** The mirror that the machine's own apt uses for Debian itself (not for security fixes or third parties). */
async function mirrorOf(signal?: AbortSignal): Promise<string> {
  if (!existsSync(keyring)) {
    throw new Error(
      `${basename(keyring)} is not there: the offline world is made of Debian packages, and needs the package debian-archive-keyring.`,
    );
  }
  const answer = await runProgram(
    'apt-get',
    ['indextargets', '--format', '$(REPO_URI)|$(RELEASE)|$(COMPONENT)', 'Created-By: Packages'],
    signal === undefined ? {} : { signal },
  );
  const found = answer
    .split('\n')
    .map((line) => line.split('|'))
    .find(([, release = '', component]) => /^[a-z]+$/.test(release) && component === 'main');
  if (found?.[0] === undefined)
    throw new Error('apt knows no mirror of Debian: its list of sources is empty.');
  return found[0];
}
