import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import pLimit from 'p-limit';
import { BuildError } from '@melange2/diagnostics';
import {
  copy,
  local,
  merge,
  ociLayout,
  rm as remove,
  scratch,
  type FileAction,
  type Platform,
  type ProgressGroup,
  type State,
} from '@melange2/llb';
import { buildAccounts, type Accounts } from './accounts.ts';
import type { Certificate, RuntimeRepositories } from './build-overlay.ts';
import { namingCacheFailures } from './cache-failure.ts';
import { errors } from './errors.ts';
import { makeLayering, type Layering, type NamedLayer } from './layering.ts';
import type { LockedEnvironment } from './lock.ts';
import { planOwnedRoot } from './named-owners.ts';
import { ociImage, type Blob, type Layer } from './oci-image.ts';
import { fetchPackage, findCachedScan, type CachedPackage } from './package-cache.ts';
import { platformOf } from './platform-of.ts';
import { locate } from './repository.ts';
import { openRoot } from './root-text.ts';
import { sizeOf } from './store-file.ts';
import type { Transport } from './transport.ts';

export interface AssembleOptions {
  readonly cacheDir: string;
  readonly transport: Transport;
  /** Capabilities of the daemon: `mergeop` and `source.ocilayout` decide how packages get there. */
  readonly caps: Iterable<string>;
  /** Accounts besides those of the packages. Default: user and group `build`, 1000. */
  readonly accounts?: Accounts;
  /** Authorities that steps trust besides those of the packages. */
  readonly certificates?: readonly Certificate[];
  /** Repositories and keys for who uses apk in the environment. */
  readonly runtime?: RuntimeRepositories;
  /** Added to PATH and SSL_CERT_FILE. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * Makes the graph from the packages alone, not from what was built before with this cache: every machine then asks
   * for the same, and finds results of others in a shared cache. Costs the reuse of an old base after a change.
   */
  readonly portable?: boolean;
  /** Told of each package as soon as it is there. */
  readonly onPackage?: (done: { readonly name: string; readonly version: string }) => void;
  readonly progressGroup?: ProgressGroup;
  readonly signal?: AbortSignal;
}

/** What the session of the build has to offer for an environment; the shape is that of the client's attachables. */
export interface EnvironmentAttachables {
  readonly contentStores?: Readonly<
    Record<string, { readonly kind: 'blobs'; readonly blobs: ReadonlyMap<string, Blob> }>
  >;
  readonly localDirs?: Readonly<Record<string, { readonly path: string }>>;
}

export interface Environment {
  /** The root with all packages, with variables and platform for the steps on it. */
  readonly state: State;
  readonly attachables: EnvironmentAttachables;
  /** Text of `os-release`, if a package ships one. */
  readonly osRelease: string | undefined;
  /** Path of a program that can start another one with fewer capabilities, `setpriv` or `capsh`, if a package has one. */
  readonly capabilityTool: string | undefined;
  /** Texts of `etc/passwd` and `etc/group`, without the accounts that are added; empty where no package has them. */
  readonly passwd: string;
  readonly group: string;
  /** How packages get to the daemon. */
  readonly method: 'images' | 'unpack';
  /** Layers by the names of their packages: base, merged on top, both in order. */
  readonly layers: { readonly base: readonly string[]; readonly merged: readonly string[] };
  /** How many layers the root has on the daemon. */
  readonly depth: number;
}

// Busybox has a setpriv too, which keeps the bounding set: a link to it does not count.
const capabilityTools = [
  '/usr/bin/setpriv',
  '/bin/setpriv',
  '/usr/sbin/capsh',
  '/sbin/capsh',
  '/usr/bin/capsh',
];

const storeId = 'environment';
const localName = 'environment';

const defaultEnv: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin',
  SSL_CERT_FILE: '/etc/ssl/certs/ca-certificates.crt',
};

/**
 * Fetches the packages of a locked environment and makes the graph of its root.
 *
 * Daemons that merge and read OCI layouts are offered each package's own data as a layer, from the apk file as it lies
 * in the cache: nothing is unpacked here, and the daemon reads only what it lacks. Others get the apk files from a
 * session directory and unpack them.
 *
 * @throws {BuildError} what {@link fetchPackage} throws; ENVIRONMENT_FILE_CONFLICT, ENVIRONMENT_ACCOUNT_INVALID,
 * ENVIRONMENT_CACHE_UNWRITABLE
 */
export function assemble(locked: LockedEnvironment, options: AssembleOptions): Promise<Environment> {
  return namingCacheFailures(options.cacheDir, () => assembleAll(locked, options));
}

async function assembleAll(locked: LockedEnvironment, options: AssembleOptions): Promise<Environment> {
  const fetched = await fetchPackages(locked, options);
  const { plan, packages: scans } = planOwnedRoot(fetched.map((p) => p.scan));
  const packages = fetched.map(({ path }, i) => ({ path, scan: scans[i] ?? missing(i) }));
  const [conflict] = plan.diagnostics;
  if (conflict !== undefined) {
    const { title } = errors.ENVIRONMENT_FILE_CONFLICT;
    throw new BuildError(conflict.code, title, conflict.message, {}, { diagnostics: plan.diagnostics });
  }
  const caps = new Set(options.caps);
  // Docker engines without the containerd image store say that they read OCI layouts and do not; they do not merge either.
  const method = caps.has('mergeop') && caps.has('source.ocilayout') ? 'images' : 'unpack';
  const layering = await makeLayering({
    locked,
    packages,
    plan,
    accounts: options.accounts ?? buildAccounts,
    certificates: options.certificates ?? [],
    runtime: options.runtime ?? { repositories: [], keys: [] },
    cacheDir: options.cacheDir,
    flat: method === 'unpack',
    portable: options.portable ?? false,
    findScan: async (identity) => await findCachedScan(identity, options.cacheDir),
  });
  const platform = platformOf(locked.arch);
  const made =
    method === 'images'
      ? await fromImages(layering, platform, options)
      : await fromFiles(layering, platform, options);
  const root = openRoot(plan, scans);
  return {
    ...made,
    state: made.state.with({ platform, env: { ...defaultEnv, ...options.env } }),
    method,
    capabilityTool: capabilityTools.find((path) => root.real(path.slice(1))?.endsWith(basename(path))),
    passwd: root.text('etc/passwd') ?? '',
    group: root.text('etc/group') ?? '',
    osRelease: root.text('etc/os-release') ?? root.text('usr/lib/os-release'),
    layers: { base: layering.base.map((l) => l.name), merged: layering.merged.map((l) => l.name) },
  };
}

function missing(index: number): never {
  throw new Error(`no package ${index}`);
}

async function fetchPackages(locked: LockedEnvironment, options: AssembleOptions): Promise<CachedPackage[]> {
  const limit = pLimit(8);
  // Downloads wait for the network. More than two that are unpacked at once are not ready sooner, and take 30 MB.
  const unpacking = pLimit(2);
  const abort = new AbortController();
  const signal =
    options.signal === undefined ? abort.signal : AbortSignal.any([options.signal, abort.signal]);
  const { cacheDir, transport } = options;
  try {
    return await Promise.all(
      locked.packages.map((wanted) =>
        limit(async () => {
          signal.throwIfAborted();
          const repository = locked.repositories[wanted.repository];
          if (repository === undefined) throw new Error(`no repository ${wanted.repository}`);
          // Packages of no architecture lie in the folder of the index that has them.
          const file = `${wanted.name}-${wanted.version}.apk`;
          const location = locate(repository.location, locked.arch, file);
          const found = await fetchPackage(wanted, location, {
            cacheDir,
            transport,
            signal,
            inTurn: unpacking,
          });
          options.onPackage?.({ name: wanted.name, version: wanted.version });
          return found;
        }),
      ),
    );
  } catch (error) {
    abort.abort(error);
    throw error;
  }
}

type Made = Pick<Environment, 'state' | 'attachables' | 'depth'>;

async function fromImages(layering: Layering, platform: Platform, options: AssembleOptions): Promise<Made> {
  const blobs = new Map<string, Blob>();
  const { progressGroup } = options;
  const group = progressGroup === undefined ? {} : { progressGroup };
  const offer = (
    layers: readonly (Layer & { readonly path: string; readonly offset: number })[],
    name: string,
  ): State => {
    const found = ociImage(layers, platform);
    for (const [digest, blob] of found.blobs) blobs.set(digest, blob);
    for (const { digest, path, offset, sizeBytes } of layers)
      blobs.set(digest, { kind: 'file', path, offset, sizeBytes });
    return ociLayout(`melange2.invalid/environment@${found.digest}`, {
      storeId,
      platform,
      customName: name,
      ...group,
    });
  };
  const inputs = [
    ...(layering.base.length === 0 ? [] : [offer(layering.base, `environment: ${countOf(layering.base)}`)]),
    ...layering.merged.map((layer) => offer([layer], `environment: ${layer.name}`)),
    offer([layering.overlay], 'environment: accounts and package database'),
  ];
  const merged = merge(inputs, { customName: 'environment: merge', ...group });
  const contentStores = { [`oci:${storeId}`]: { kind: 'blobs', blobs } } as const;
  const { literal } = layering;
  // What is merged on top of the first input is one layer.
  const depth = Math.max(layering.base.length, 1) + 1;
  if (literal === undefined) return { state: merged, attachables: { contentStores }, depth };
  const path = await stage(
    [{ name: 'files.tar', path: literal.path, digest: literal.digest }],
    options.cacheDir,
  );
  const actions = [copy(localDir(path), '/files.tar', '/', { attemptUnpack: true })];
  const state = merged.file(actions, { customName: 'environment: files with reserved names', ...group });
  return {
    state,
    attachables: { contentStores, localDirs: { [localName]: { path } } },
    depth: depth + 1,
  };
}

function countOf(layers: readonly NamedLayer[]): string {
  return layers.length === 1 ? (layers[0]?.name ?? '') : `${layers.length} packages`;
}

/**
 * The vertex is that of builds with the same files only: builds that run at the same time share vertices that are alike,
 * and with them what the first one sends.
 */
function localDir(staged: string): State {
  return local(localName, {
    localUniqueId: basename(staged),
    sharedKeyHint: 'melange2-environment',
    customName: 'environment: package files',
  });
}

/**
 * Archives that one step unpacks. BuildKit 0.8 opens the source for all actions of a step at once, and with many of them
 * fails now and then with "flightcontrol: exceeded retry timeout".
 *
 * @see https://github.com/moby/buildkit/issues/1822
 */
const unpackedAtOnce = 16;

async function fromFiles(layering: Layering, _platform: Platform, options: AssembleOptions): Promise<Made> {
  const files = layering.merged.map(({ name, path, compressed, digest }) => ({
    name: `${name}.${compressed ? 'apk' : 'tar'}`,
    path,
    digest,
  }));
  files.push({ name: 'overlay.tar', path: layering.overlay.path, digest: layering.overlay.digest });
  const path = await stage(files, options.cacheDir);
  const source = localDir(path);
  const group = options.progressGroup === undefined ? {} : { progressGroup: options.progressGroup };
  let state = scratch();
  for (let at = 0; at < files.length; at += unpackedAtOnce) {
    const part = files.slice(at, at + unpackedAtOnce);
    const last = at + part.length >= files.length;
    const actions = part.map(({ name }): FileAction =>
      copy(source, `/${name}`, '/', { attemptUnpack: true, createDestPath: true }),
    );
    // Signature and control files are part of an apk's archive; nothing else has a name like theirs at the top.
    actions.splice(last ? -1 : part.length, 0, remove('/.*', { allowWildcard: true, allowNotFound: true }));
    const customName = `environment: unpack ${at + 1} to ${at + part.length} of ${files.length} archives`;
    state = state.file(actions, { customName, ...group });
  }
  const depth = Math.ceil(files.length / unpackedAtOnce);
  return { state, attachables: { localDirs: { [localName]: { path } } }, depth };
}

/** A folder with links to these files of the cache under these names, made once for each list of files. */
async function stage(
  files: readonly { readonly name: string; readonly path: string; readonly digest: string }[],
  cacheDir: string,
): Promise<string> {
  const key = createHash('sha256')
    .update(JSON.stringify(files.map(({ name, digest }) => [name, digest])))
    .digest('hex');
  const folder = join(cacheDir, 'staged', key);
  if ((await sizeOf(folder)) !== undefined) return folder;
  const temporary = join(cacheDir, 'staged', `.${randomUUID()}`);
  try {
    await mkdir(temporary, { recursive: true });
    for (const { name, path } of files) await link(path, join(temporary, name));
    await rename(temporary, folder);
  } catch (error) {
    const isThere =
      error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST');
    if (!isThere) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return folder;
}
