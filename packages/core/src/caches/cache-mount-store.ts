import { homedir } from 'node:os';
import { pipeline as pipeStreams } from 'node:stream/promises';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { randomBytes, randomUUID } from 'node:crypto';
import { gzipParallel, readTar } from '@melange2/apk';
import type { Client } from '@melange2/buildkit-client';
import { cacheMountNote, parseCacheMountId } from '@melange2/cache';
import { findDaemon } from '@melange2/daemon';
import { buildError } from '@melange2/diagnostics';
import { local, marshal, mkdir as mkdirIn, scratch, type Mount, type State } from '@melange2/llb';
import { cacheMountOf } from '@melange2/pipeline';
import { platformOf } from '@melange2/environment';
import type { Host } from '../build-request.ts';
import { archiveHeader, readCacheMountArchive } from './cache-mount-archive.ts';
import { type CacheMountRecord, importTarget, readCacheRecords } from './cache-records.ts';
import { errors } from '../errors.ts';
import { type ToolsRequest, withTools } from './tools-environment.ts';

export interface CacheStoreOptions {
  /** The daemon's address; without it one is looked for. */
  readonly address?: string;
  readonly host: Pick<Host, 'env' | 'cwd'>;
  /** Told what is tried to find a daemon. */
  readonly onProgress: (text: string) => void;
  readonly signal: AbortSignal;
}

/** The cache mounts of one daemon, as people handle them. */
export interface CacheMountStore {
  /** All of them, those of other programs too; by name, then by identity. */
  list(): Promise<readonly CacheMountRecord[]>;
  /** How many bytes the whole build cache of the daemon takes, mounts included. */
  totalBytes(): Promise<number>;
  /** Removes these; returns those that are still there since something uses them. */
  remove(mounts: readonly CacheMountRecord[]): Promise<readonly CacheMountRecord[]>;
  /**
   * Writes the files of a mount as a tar, compressed when the name ends with `.gz` or `.tgz`. The file appears whole or
   * not at all. Returns its size.
   *
   * @throws {BuildError} CACHE_MOUNT_FOREIGN, those of the environment and of the solve
   */
  export(mount: CacheMountRecord, file: string, tools: ToolsRequest): Promise<number>;
  /**
   * Puts the files of an archive into a mount, over what is there; returns the mount's id.
   *
   * @param id default: the one that the archive names
   * @throws {BuildError} CACHE_ARCHIVE_INVALID, those of the environment and of the solve
   */
  import(file: string, id: string | undefined, tools: ToolsRequest): Promise<string>;
  close(): Promise<void>;
}

/**
 * Connects to a daemon for its cache mounts.
 *
 * @throws {BuildError} DAEMON_NOT_FOUND, BUILDKIT_UNREACHABLE
 */
export async function openCacheMounts(options: CacheStoreOptions): Promise<CacheMountStore> {
  const { host, signal, onProgress, address } = options;
  const daemon = await findDaemon({
    environment: { variables: host.env, home: host.env['HOME'] ?? homedir() },
    onProgress,
    signal,
    ...(address === undefined ? {} : { address }),
  });
  const { client } = daemon;
  return {
    list: async () => (await readCacheRecords(client, signal)).toSorted(byIdentity),
    async totalBytes() {
      const records = await client.diskUsage({ signal });
      return records.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    },
    async remove(mounts) {
      if (mounts.length === 0) return [];
      const filter = mounts.map(({ record }) => `id==${record}`);
      for await (const _removed of client.prune({ filter, all: true, signal }));
      const left = new Set((await readCacheRecords(client, signal)).map(({ record }) => record));
      return mounts.filter(({ record }) => left.has(record));
    },
    export: (mount, file, tools) => exportMount(client, mount, file, { ...tools, host, signal }),
    import: (file, id, tools) => importMount(client, file, id, { ...tools, host, signal }),
    close: () => daemon.close(),
  };
}

function byIdentity(a: CacheMountRecord, b: CacheMountRecord): number {
  const key = ({ id, target, record }: CacheMountRecord): string => `${id ?? `~${target ?? ''}`} ${record}`;
  return key(a) < key(b) ? -1 : 1;
}

type Tools = ToolsRequest & Pick<CacheStoreOptions, 'host' | 'signal'>;

const outFolder = '/melange2-out';
const inFolder = '/melange2-in';

async function exportMount(
  client: Client,
  { id = '' }: CacheMountRecord,
  file: string,
  tools: Tools,
): Promise<number> {
  const cache = mountOf(id);
  const { signal } = tools;
  const aside = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString('hex')}.new`);
  let size = 0;
  await mkdir(dirname(file), { recursive: true });
  try {
    await withTools(client, tools, async ({ root, session, caps }) => {
      const exec = root.run({
        args: command(`exec tar -C ${importTarget} -cf ${outFolder}/cache.tar .`, id),
        ...plain,
        mounts: [cache, { kind: 'bind', dest: outFolder, source: emptyFolder(), selector: '/out' }],
        customName: `read the cache ${id}`,
      });
      await client.build({
        definition: definitionOf(exec.mount(outFolder), tools, caps),
        session,
        signal,
        exports: [
          {
            kind: 'tar',
            output: async (stream) => {
              for await (const entry of readTar(stream as AsyncIterable<Uint8Array>, { archive: 'cache' })) {
                if (!entry.name.endsWith('cache.tar')) continue;
                const bytes = counted(packed(named(id, entry.content), file), (length) => (size += length));
                await pipeStreams(bytes, createWriteStream(aside), { signal });
              }
            },
          },
        ],
      });
    });
    await rename(aside, file);
    return size;
  } finally {
    await rm(aside, { force: true });
  }
}

async function importMount(
  client: Client,
  file: string,
  given: string | undefined,
  tools: Tools,
): Promise<string> {
  const archive = await readCacheMountArchive(file);
  const id = given ?? archive.id;
  if (id === undefined) {
    const problem = 'it does not name the mount that it was made from; say it with --as';
    throw buildError(errors, 'CACHE_ARCHIVE_INVALID', { file, problem });
  }
  const { signal } = tools;
  const cache = mountOf(id);
  await withTools(client, tools, async ({ root, session, caps }) => {
    const flags = archive.isGzip ? '-xzf' : '-xf';
    const exec = root.run({
      args: command(`exec tar -C ${importTarget} ${flags} ${inFolder}/cache.tar`, id),
      ...plain,
      mounts: [
        cache,
        {
          kind: 'bind',
          dest: inFolder,
          source: local('cache-archive', { localUniqueId: randomUUID(), customName: `send ${file}` }),
          readonly: true,
        },
      ],
      customName: `fill the cache ${id}`,
    });
    const content = { kind: 'file', path: file, sizeBytes: archive.sizeBytes } as const;
    const tree = { files: [{ path: 'cache.tar', kind: 'file', content, identity: randomUUID() }] } as const;
    await client.build({
      definition: definitionOf(exec.root, tools, caps),
      session: { ...session, localDirs: { ...session.localDirs, 'cache-archive': tree } },
      signal,
    });
  });
  return id;
}

const plain = { user: '0:0', cwd: '/', network: 'none' } as const;

/**
 * A command that is never taken from the daemon's cache: it is another one each time. An op that says that its cache is
 * to be ignored has the daemon throw its mounts away.
 */
function command(script: string, id: string): readonly string[] {
  return ['/bin/sh', '-c', script, '/bin/sh', cacheMountNote(id, importTarget), randomUUID()];
}

/** The mount as steps have it, at a place of ours. */
function mountOf(id: string): Mount {
  const identity = parseCacheMountId(id);
  if (identity === undefined) throw buildError(errors, 'CACHE_MOUNT_FOREIGN', { id });
  return cacheMountOf({ id, target: importTarget, sharing: 'shared' }, identity);
}

function emptyFolder(): State {
  return scratch().file(mkdirIn('/out', { mode: 0o755 }), { customName: 'make an empty folder' });
}

function definitionOf(
  state: State,
  { architecture }: Tools,
  caps: ReadonlySet<string>,
): ReturnType<typeof marshal> {
  return marshal(state, { platform: platformOf(architecture), caps });
}

async function* named(
  id: string,
  tar: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield archiveHeader(id);
  yield* tar;
}

function packed(bytes: AsyncIterable<Uint8Array>, file: string): AsyncIterable<Uint8Array> {
  return /\.(gz|tgz)$/.test(file) ? gzipParallel(bytes) : bytes;
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  count: (length: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    count(chunk.length);
    yield chunk;
  }
}
