import { createHash } from 'node:crypto';
import { createWriteStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import {
  createKeyPair,
  indexRecordOf,
  packageInfo,
  packageTree,
  parseSigningKey,
  sortRecords,
  writeIndex,
  writePackage,
  type IndexRecord,
  type SigningKey,
} from '@melange2/apk';
import { openAptRoot, type AptRoot, type DebFile } from './apt-root.ts';
import { addAppletLinks, baseLayout, certificateBundle, mendLibtool, putLink } from './base-trees.ts';
import { cacheDir } from './cache-dir.ts';
import { apkVersionOf } from './deb-version.ts';
import { providesOf } from './provides-of.ts';
import { readDebControl, readDebTree, type DebControl, type Tree } from './read-deb.ts';
import { runProgram } from './run-program.ts';
import { fetchSources } from './source-tarballs.ts';
import { basePackages, certificatePackage } from './base-packages.ts';
import { sourceTarballs } from './pinned-sources.ts';
import type { WorldSet } from './world-set.ts';

/** An offline repository of apk packages, and the sources that builds in it fetch. */
export interface World {
  /** Folder to name as a repository: it has a folder per architecture with `APKINDEX.tar.gz`. */
  readonly repository: string;
  /** Public key that its packages and its index are signed with. */
  readonly keyring: string;
  /** Folder of source tarballs, `sha256:<hex>`: to be named as the cache directory of a build. */
  readonly sources: string;
  /** apk's name of the machine's architecture. */
  readonly arch: string;
  /** Names of all packages in it, sorted. */
  readonly packages: readonly string[];
}

export interface MakeWorldOptions {
  /** What is made. Default: the packages that most builds need, {@link basePackages}. */
  readonly set?: WorldSet;
  /** Default {@link cacheDir}. */
  readonly cache?: string;
  /** Told what is being done, in a few words. */
  readonly onProgress?: (text: string) => void;
  readonly signal?: AbortSignal;
}

const keyName = 'melange2-world.rsa';
const architectures: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64' };
/** When Debian 12 came out: the time of every file, so that equal packages get equal bytes. */
const worldEpoch = Date.UTC(2023, 5, 10) / 1000;
const unusedWorldMs = 14 * 24 * 60 * 60 * 1000;

/**
 * Makes the offline world from packages of Debian 12, or finds it made: a signed apk repository with a tool
 * chain, and upstream tarballs. Kept in the cache, so that the next call is instant.
 *
 * Needs apt and dpkg-deb, no root, and on the first run the network.
 */
export async function makeWorld(options: MakeWorldOptions = {}): Promise<World> {
  const cache = options.cache ?? cacheDir();
  const say = options.onProgress ?? (() => undefined);
  const set = options.set ?? basePackages;
  const sources = join(cache, 'sources');
  const dir = join(cache, 'worlds', `${set.name}-${recipeDigest(set)}`);
  const description = join(dir, 'world.json');
  let opened: Promise<AptRoot> | undefined;
  const openApt = (): Promise<AptRoot> => {
    if (opened === undefined) say('reading the lists of Debian packages');
    return (opened ??= openAptRoot(cache, 'bookworm', options.signal));
  };

  if (!existsSync(description)) {
    await buildWorld(set, await openApt(), cache, dir, say);
    await removeUnusedWorlds(dirname(dir));
  }
  await utimes(description, new Date(), new Date());
  await mkdir(sources, { recursive: true });
  await fetchSources(openApt, sourceTarballs, sources);
  const { arch, packages } = JSON.parse(await readFile(description, 'utf8')) as Pick<
    World,
    'arch' | 'packages'
  >;
  return { repository: join(dir, 'packages'), keyring: join(dir, `${keyName}.pub`), sources, arch, packages };
}

/** Changes when what a set is made of, or how, does. */
function recipeDigest(set: WorldSet): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const hash = createHash('sha256');
  for (const file of readdirSync(here).toSorted()) {
    if (file.endsWith('.ts') && !/-(packages|sources)\.ts$/.test(file))
      hash.update(readFileSync(join(here, file)));
  }
  for (let one: WorldSet | undefined = set; one !== undefined; one = one.on) {
    hash.update(JSON.stringify({ ...one, omitted: one.omitted.source }));
  }
  return hash.digest('hex').slice(0, 16);
}

interface Metadata {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly origin: string;
  readonly depends: readonly string[];
  readonly provides: readonly string[];
}

async function buildWorld(
  set: WorldSet,
  apt: AptRoot,
  cache: string,
  dir: string,
  say: (text: string) => void,
): Promise<void> {
  const arch = architectures[(await runProgram('dpkg', ['--print-architecture'])).trim()];
  if (arch === undefined) throw new Error('the offline world is made for amd64 and arm64 only.');
  const { base, wanted } = await packagesOf(set, apt);
  const lone = set.on === undefined ? await apt.only([certificatePackage]) : [];
  const debs = join(cache, 'debs');
  const missing = [...base, ...wanted, ...lone].filter((deb) => !existsSync(join(debs, deb.file)));
  if (missing.length > 0) {
    const megabytes = missing.reduce((sum, deb) => sum + deb.size, 0) / 1e6;
    say(`fetching ${missing.length} Debian packages (${megabytes.toFixed(0)} MB)`);
  }
  const files = await apt.download([...base, ...wanted], debs);
  const [caCertificates] = await apt.download(lone, debs);

  const every = await Promise.all(files.map(async (file) => ({ file, control: await readDebControl(file) })));
  const names = new Map<string, string>();
  for (const { control } of every) {
    for (const virtual of control.provides) if (!names.has(virtual)) names.set(virtual, control.name);
  }
  for (const { control } of every) names.set(control.name, control.name);
  const controls = every.slice(base.length);

  const key = await worldKey(cache);
  const temporary = `${dir}.partial-${process.pid}`;
  const packages = join(temporary, 'packages', arch);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(packages, { recursive: true });
  try {
    const records: IndexRecord[] = [];
    const emit = async (metadata: Metadata, tree: Tree): Promise<void> => {
      const written = await writePackage({
        tree: packageTree(tree.values()),
        info: packageInfo({ ...metadata, arch, licenses: ['LicenseRef-various'] }),
        sourceDateEpoch: worldEpoch,
        key,
      });
      await pipeline(
        written.read(),
        createWriteStream(join(packages, `${metadata.name}-${metadata.version}.apk`)),
      );
      records.push(indexRecordOf(written));
    };

    const queue = controls
      .filter(({ control }) => control.name !== 'busybox')
      .toSorted((a, b) => (a.control.name < b.control.name ? -1 : 1));
    const total = queue.length;
    say(`converting ${total} packages`);
    const taken = new Set<string>();
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const { file, control } = next;
        const tree = await readDebTree(file);
        await amend(set, control.name, tree);
        for (const path of tree.keys()) taken.add(path);
        await emit(await debMetadata(set, control, tree, names), tree);
        if (queue.length > 0 && queue.length % 40 === 0) say(`${total - queue.length} of ${total} converted`);
      }
    };
    // Three: one waits for dpkg-deb, one for the compressor, one computes.
    await Promise.all([worker(), worker(), worker()]);

    const busybox = controls.find(({ control }) => control.name === 'busybox');
    if (busybox !== undefined) {
      const tree = await readDebTree(busybox.file);
      addAppletLinks(tree, await appletsOf(busybox.file), taken);
      const metadata = await debMetadata(set, busybox.control, tree, names);
      await emit(
        { ...metadata, provides: [...metadata.provides, `cmd:sh=${metadata.version}`].toSorted() },
        tree,
      );
    }
    if (caCertificates !== undefined) {
      await emit(
        ownMetadata('wolfi-baselayout', [], 'Folders, links and accounts that every system has'),
        baseLayout(),
      );
      await emit(
        ownMetadata('ca-certificates-bundle', ['wolfi-baselayout'], 'Certificates of well-known authorities'),
        await certificateBundle(await readDebTree(caCertificates)),
      );
    }
    for (const { name, depends, description, read } of set.ownPackages ?? []) {
      await emit(ownMetadata(name, depends, description), await read());
    }
    for (const [name, depends] of Object.entries(set.wolfiNames)) {
      const meaning =
        depends.length === 0 ? 'Empty: not to be had offline' : `Stands for ${depends.join(', ')}`;
      await emit(ownMetadata(name, depends, meaning), new Map());
    }

    const sorted = sortRecords(records);
    await pipeline(
      [await writeIndex(sorted, { description: `melange2 offline world: ${set.name}`, key })],
      createWriteStream(join(packages, 'APKINDEX.tar.gz')),
    );
    await writeFile(join(temporary, `${keyName}.pub`), key.publicPem);
    await writeFile(
      join(temporary, 'world.json'),
      JSON.stringify({ arch, packages: sorted.map(({ name }) => name) }),
    );
    await rename(temporary, dir).catch((error: NodeJS.ErrnoException) => {
      // Another process was as quick; its world is as good.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

const ownOrigin = 'melange2-world';

function ownMetadata(name: string, depends: readonly string[], description: string): Metadata {
  return { name, version: '1-r0', description, origin: ownOrigin, depends, provides: [] };
}

/** The packages of a set, and those of the sets below it, each with what it depends on. */
async function packagesOf(
  set: WorldSet,
  apt: AptRoot,
): Promise<{ readonly base: readonly DebFile[]; readonly wanted: readonly DebFile[] }> {
  const { on } = set;
  if (on === undefined) {
    const all = await apt.closure(set.rootPackages);
    return { base: [], wanted: all.filter((deb) => !set.omitted.test(deb.name)) };
  }
  const { base: below, wanted: above } = await packagesOf(on, apt);
  const base = [...below, ...above];
  const known = new Set(base.map((deb) => deb.name));
  const all = await apt.closure([...on.rootPackages, ...set.rootPackages]);
  return { base, wanted: all.filter((deb) => !known.has(deb.name) && !set.omitted.test(deb.name)) };
}

async function debMetadata(
  set: WorldSet,
  control: DebControl,
  tree: Tree,
  names: ReadonlyMap<string, string>,
): Promise<Metadata> {
  const version = apkVersionOf(control.version);
  const depends = new Set<string>(set.extraDepends[control.name] ?? []);
  for (const alternatives of control.depends) {
    const chosen = alternatives.map((name) => names.get(name)).find((name) => name !== undefined);
    if (chosen !== undefined && chosen !== control.name) depends.add(chosen);
  }
  return {
    name: control.name,
    version,
    description: control.summary,
    origin: control.source,
    depends: [...depends].toSorted(),
    provides: await providesOf(tree, version),
  };
}

/** Does what Debian's maintainer scripts would do, and undoes what suits only Debian. */
async function amend(set: WorldSet, name: string, tree: Tree): Promise<void> {
  for (const [path, target] of Object.entries(set.alternativeLinks[name] ?? {})) {
    if (!tree.has(path)) putLink(tree, path, target);
  }
  if (name === 'libtool') await mendLibtool(tree);
  // What is installed in a build environment is the build's own business.
  for (const path of tree.keys()) if (path.endsWith('/EXTERNALLY-MANAGED')) tree.delete(path);
}

/** Names of the programs that a busybox has, asked of itself. */
async function appletsOf(deb: string): Promise<readonly string[]> {
  const folder = join(dirname(deb), `.${basename(deb)}-${process.pid}`);
  try {
    await runProgram('dpkg-deb', ['--extract', deb, folder]);
    return (await runProgram(join(folder, 'bin/busybox'), ['--list'])).trim().split('\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function worldKey(cache: string): Promise<SigningKey> {
  const file = join(cache, 'keys', keyName);
  if (!existsSync(file)) {
    await mkdir(dirname(file), { recursive: true });
    const temporary = `${file}.${process.pid}`;
    await writeFile(temporary, (await createKeyPair(2048)).privatePem, { mode: 0o600 });
    await rename(temporary, file);
  }
  return parseSigningKey(await readFile(file, 'utf8'), { file: keyName });
}

async function removeUnusedWorlds(worlds: string): Promise<void> {
  for (const name of await readdir(worlds)) {
    const used = await stat(join(worlds, name, 'world.json')).catch(() => undefined);
    if (used !== undefined && Date.now() - used.mtimeMs > unusedWorldMs) {
      await rm(join(worlds, name), { recursive: true, force: true });
    }
  }
}
