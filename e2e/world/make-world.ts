import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AptRoot } from './apt-root.ts';
import { openAptRoot } from './apt-root.ts';
import { addAppletLinks, baseLayout, certificateBundle, mendLibtool, putLink } from './base-trees.ts';
import { cacheDir } from './cache-dir.ts';
import { apkVersionOf } from './deb-version.ts';
import { providesOf } from './provides-of.ts';
import { readDebControl, readDebTree, type DebControl, type Tree } from './read-deb.ts';
import { runProgram } from './run-program.ts';
import { fetchSources } from './source-tarballs.ts';
import {
  alternativeLinks,
  extraDepends,
  lonePackages,
  omittedPackages,
  rootPackages,
  sourceTarballs,
  wolfiNames,
} from './world-packages.ts';
import { writeApk, writeWorldIndex, type ApkMetadata, type WorldKey } from './write-apk.ts';

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
  /** Default {@link cacheDir}. */
  readonly cache?: string;
  /** Told what is being done, in a few words. */
  readonly onProgress?: (text: string) => void;
  readonly signal?: AbortSignal;
}

const keyName = 'melange2-world.rsa.pub';
const architectures: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64' };

/**
 * Makes the offline world from packages of Debian 12, or finds it made: a signed apk repository with a tool
 * chain, and upstream tarballs. Kept in the cache, so that the next call is instant.
 *
 * Needs apt and dpkg-deb, no root, and on the first run the network.
 */
export async function makeWorld(options: MakeWorldOptions = {}): Promise<World> {
  const cache = options.cache ?? cacheDir();
  const say = options.onProgress ?? (() => undefined);
  const sources = join(cache, 'sources');
  const dir = join(cache, 'worlds', recipeDigest());
  let opened: Promise<AptRoot> | undefined;
  const openApt = (): Promise<AptRoot> => (opened ??= openAptRoot(cache, 'bookworm', options.signal));

  if (!existsSync(join(dir, 'world.json'))) {
    say('reading the lists of Debian packages');
    await buildWorld(await openApt(), cache, dir, say);
  }
  await mkdir(sources, { recursive: true });
  await fetchSources(openApt, sourceTarballs, sources);
  const { arch, packages } = JSON.parse(await readFile(join(dir, 'world.json'), 'utf8')) as Pick<
    World,
    'arch' | 'packages'
  >;
  return { repository: join(dir, 'packages'), keyring: join(dir, keyName), sources, arch, packages };
}

/** Changes when what a world is made of, or how, does. */
function recipeDigest(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const hash = createHash('sha256');
  for (const file of readdirSync(here).toSorted()) {
    if (file.endsWith('.ts') && !file.endsWith('.test.ts')) hash.update(readFileSync(join(here, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

interface Planned {
  readonly metadata: ApkMetadata;
  readonly tree: () => Promise<Tree>;
  /** What the bytes of the package are made of, beside the code. */
  readonly identity: string;
}

async function buildWorld(
  apt: AptRoot,
  cache: string,
  dir: string,
  say: (text: string) => void,
): Promise<void> {
  const wanted = (await apt.closure(rootPackages)).filter((deb) => !omittedPackages.test(deb.name));
  const lone = await apt.only(lonePackages);
  const megabytes = [...wanted, ...lone].reduce((sum, deb) => sum + deb.size, 0) / 1e6;
  say(`fetching ${wanted.length + lone.length} Debian packages (${megabytes.toFixed(0)} MB)`);
  const debs = join(cache, 'debs');
  const files = await apt.download(wanted, debs);
  const [caCertificates = ''] = await apt.download(lone, debs);
  const arch = architectures[(await runProgram('dpkg', ['--print-architecture'])).trim()];
  if (arch === undefined) throw new Error('the offline world is made for amd64 and arm64 only.');

  const controls = await Promise.all(
    files.map(async (file) => ({ file, control: await readDebControl(file) })),
  );
  const names = new Map<string, string>();
  for (const { control } of controls) {
    for (const virtual of control.provides) if (!names.has(virtual)) names.set(virtual, control.name);
  }
  for (const { control } of controls) names.set(control.name, control.name);

  const key = await worldKey(cache);
  const temporary = `${dir}.partial-${process.pid}`;
  const packages = join(temporary, 'packages', arch);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(packages, { recursive: true });
  try {
    const records: { name: string; record: string }[] = [];
    const store = join(cache, 'apks');
    await mkdir(store, { recursive: true });
    let done = 0;
    const emit = async (planned: Planned): Promise<void> => {
      const { metadata } = planned;
      const digest = createHash('sha256')
        .update(JSON.stringify([conversion, key.digest, metadata, planned.identity]))
        .digest('hex');
      const kept = join(store, digest.slice(0, 32));
      if (!existsSync(`${kept}.record`)) {
        const { bytes, record } = await writeApk(metadata, await planned.tree(), key);
        await writeWhole(`${kept}.apk`, bytes);
        await writeWhole(`${kept}.record`, record);
      }
      await link(`${kept}.apk`, join(packages, `${metadata.name}-${metadata.version}.apk`));
      records.push({ name: metadata.name, record: await readFile(`${kept}.record`, 'utf8') });
      done += 1;
      if (done % 40 === 0) say(`${done} packages converted`);
    };
    say('converting them to apk packages');
    const taken = new Set<string>();
    const queue = controls
      .filter(({ control }) => control.name !== 'busybox')
      .toSorted((a, b) => (a.control.name < b.control.name ? -1 : 1));
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const { file, control } = next;
        const tree = await readDebTree(file);
        amend(control.name, tree);
        for (const path of tree.keys()) taken.add(path);
        await emit({
          metadata: debMetadata(control, tree, arch, names),
          tree: () => Promise.resolve(tree),
          identity: file.slice(file.lastIndexOf('/') + 1),
        });
      }
    };
    await Promise.all([worker(), worker(), worker()]);

    const busybox = controls.find(({ control }) => control.name === 'busybox');
    if (busybox !== undefined) {
      const tree = await readDebTree(busybox.file);
      addAppletLinks(tree, await appletsOf(busybox.file), taken);
      const metadata = debMetadata(busybox.control, tree, arch, names);
      const provides = [...metadata.provides, `cmd:sh=${metadata.version}`].toSorted();
      await emit({
        metadata: { ...metadata, provides },
        tree: () => Promise.resolve(tree),
        identity: [...tree.keys()].join(' '),
      });
    }
    const own = (name: string, depends: readonly string[], description: string): ApkMetadata => ({
      name,
      version: '1-r0',
      arch,
      description,
      origin: 'melange2-world',
      depends,
      provides: [],
    });
    await emit({
      metadata: own('wolfi-baselayout', [], 'Folders, links and accounts that every system has'),
      tree: () => Promise.resolve(baseLayout()),
      identity: '',
    });
    await emit({
      metadata: own('ca-certificates-bundle', ['wolfi-baselayout'], 'Certificates of well-known authorities'),
      tree: async () => certificateBundle(await readDebTree(caCertificates)),
      identity: caCertificates.slice(caCertificates.lastIndexOf('/') + 1),
    });
    for (const [name, depends] of Object.entries(wolfiNames)) {
      await emit({
        metadata: own(name, depends, `Stands for ${depends.join(', ') || 'nothing: not to be had offline'}`),
        tree: () => Promise.resolve(new Map()),
        identity: '',
      });
    }
    records.sort((a, b) => (a.name < b.name ? -1 : 1));
    await writeFile(
      join(packages, 'APKINDEX.tar.gz'),
      await writeWorldIndex(
        records.map(({ record }) => record),
        key,
      ),
    );
    await writeFile(join(temporary, keyName), key.publicPem);
    await writeFile(
      join(temporary, 'world.json'),
      JSON.stringify({ arch, packages: records.map(({ name }) => name) }),
    );
    // Another process may have been as quick; its world is as good.
    await rename(temporary, dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** To be raised when the same Debian package is converted to another apk. */
const conversion = 1;

function debMetadata(
  control: DebControl,
  tree: Tree,
  arch: string,
  names: ReadonlyMap<string, string>,
): ApkMetadata {
  const version = apkVersionOf(control.version);
  const depends = new Set<string>(extraDepends[control.name] ?? []);
  for (const alternatives of control.depends) {
    const chosen = alternatives.map((name) => names.get(name)).find((name) => name !== undefined);
    if (chosen !== undefined && chosen !== control.name) depends.add(chosen);
  }
  return {
    name: control.name,
    version,
    arch,
    description: control.summary,
    origin: control.source,
    depends: [...depends].toSorted(),
    provides: providesOf(tree, version),
  };
}

/** Does what Debian's maintainer scripts would do, and undoes what suits only Debian. */
function amend(name: string, tree: Tree): void {
  for (const [path, target] of Object.entries(alternativeLinks[name] ?? {})) {
    if (!tree.has(path)) putLink(tree, path, target);
  }
  if (name === 'libtool') mendLibtool(tree);
}

/** Names of the programs that a busybox has, asked of itself. */
async function appletsOf(deb: string): Promise<readonly string[]> {
  const folder = join(dirname(deb), `.busybox-${process.pid}`);
  try {
    await runProgram('dpkg-deb', ['--extract', deb, folder]);
    return (await runProgram(join(folder, 'bin/busybox'), ['--list'])).trim().split('\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function worldKey(
  cache: string,
): Promise<WorldKey & { readonly publicPem: string; readonly digest: string }> {
  const file = join(cache, 'keys', keyName.slice(0, -'.pub'.length));
  if (!existsSync(file)) {
    await mkdir(dirname(file), { recursive: true });
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await writeWhole(file, privateKey.export({ type: 'pkcs1', format: 'pem' }), 0o600);
  }
  const privateKey = createPrivateKey(await readFile(file, 'utf8'));
  const publicPem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  return {
    name: keyName,
    privateKey,
    publicPem,
    digest: createHash('sha256').update(publicPem).digest('hex'),
  };
}

/** Writes a file that others see whole or not at all. */
async function writeWhole(path: string, content: Uint8Array | string, mode = 0o644): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, content, { mode });
  await rename(temporary, path);
}
