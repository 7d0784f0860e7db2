import { mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  mergeRecords,
  readIndex,
  sortRecords,
  writeIndex,
  type IndexRecord,
  type RepositoryIndex,
  type SigningKey,
} from '@melange2/apk';
import { buildError } from '@melange2/diagnostics';
import { errors, writeFailed } from './errors.ts';
import { writeAside } from './write-aside.ts';

export interface UpdateIndexOptions {
  /** The folder of one architecture; the index is `APKINDEX.tar.gz` in it. */
  readonly folder: string;
  readonly records: readonly IndexRecord[];
  readonly key?: SigningKey;
  /** How long to wait for another build that is writing the same index. Default 60. */
  readonly waitSeconds?: number;
  readonly signal?: AbortSignal;
}

/**
 * Puts packages into the index of a folder, in the place of records with the same name and version, sorts it
 * and signs it. Other builds that do the same at the same time wait for each other.
 *
 * @returns the path of the index.
 * @throws {BuildError} INDEX_BUSY, INDEX_INVALID when the index there cannot be read, PACKAGE_WRITE_FAILED.
 */
export async function updateIndex(options: UpdateIndexOptions): Promise<string> {
  const { folder, key, signal } = options;
  const path = join(folder, 'APKINDEX.tar.gz');
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw writeFailed(folder, cause);
  }
  const unlock = await lock(path, options.waitSeconds ?? 60, signal);
  try {
    const existing = await readExisting(path);
    const records = sortRecords(mergeRecords(existing?.records ?? [], options.records));
    const bytes = await writeIndex(records, {
      description: existing?.description ?? '',
      ...(key === undefined ? {} : { key }),
    });
    await writeAside(path, [bytes], signal);
    return path;
  } finally {
    await unlock();
  }
}

async function readExisting(path: string): Promise<RepositoryIndex | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return undefined;
    throw writeFailed(path, cause);
  }
  return readIndex(bytes, { file: path });
}

/** A lock that is older than this belongs to a build that was killed: writing an index takes a moment. */
const staleMs = 30 * 1000;
const retryMs = 50;

async function lock(
  path: string,
  waitSeconds: number,
  signal: AbortSignal | undefined,
): Promise<() => Promise<void>> {
  const file = `${path}.lock`;
  for (let waitedMs = 0; ; waitedMs += retryMs) {
    signal?.throwIfAborted();
    try {
      await (await open(file, 'wx')).close();
      return () => rm(file, { force: true });
    } catch (cause) {
      if (!isCode(cause, 'EEXIST')) throw writeFailed(file, cause);
    }
    const age = await stat(file).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > staleMs) await rm(file, { force: true });
    if (waitedMs >= waitSeconds * 1000) {
      throw buildError(errors, 'INDEX_BUSY', { path, lock: file, seconds: waitSeconds });
    }
    await sleep(retryMs, undefined, signal === undefined ? {} : { signal });
  }
}

function isCode(cause: unknown, code: string): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === code;
}
