import { createHash, randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readIndex, type Keyring, type RepositoryIndex } from '@melange2/apk';
import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import { readBody, readFileOrNothing } from './read-location.ts';
import { formatLocation, locate, type Location, type Repository } from './repository.ts';
import type { Transport } from './transport.ts';

export interface FetchIndexOptions {
  readonly arch: string;
  readonly cacheDir: string;
  /** Demands a good signature by one of these keys; without it the index is believed as it is. */
  readonly keyring?: Keyring | undefined;
  readonly transport: Transport;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the index of a repository for one architecture, and verifies its signature.
 *
 * One from the web is kept by its ETag and asked for again only when it has changed; what is kept is verified each
 * time like what has just come. Nothing that fails is kept.
 *
 * @throws {BuildError} ENVIRONMENT_INDEX_MISSING, ENVIRONMENT_DOWNLOAD_FAILED, INDEX_INVALID, SIGNATURE_MISSING,
 * SIGNATURE_KEY_UNKNOWN, SIGNATURE_INVALID, GZIP_INVALID, TAR_INVALID, TAR_TRUNCATED
 */
export async function fetchIndex(
  repository: Repository,
  options: FetchIndexOptions,
): Promise<RepositoryIndex> {
  const location = locate(repository.location, options.arch, 'APKINDEX.tar.gz');
  const file = formatLocation(location);
  const read = async (bytes: Uint8Array): Promise<RepositoryIndex> =>
    await readIndex(bytes, { file, ...(options.keyring === undefined ? {} : { keyring: options.keyring }) });
  if (location.kind === 'directory') {
    const bytes = await readFileOrNothing(location.path);
    if (bytes === undefined) throw missing(location, options.arch);
    return await read(bytes);
  }

  const folder = join(options.cacheDir, 'indexes', createHash('sha256').update(location.url).digest('hex'));
  const kept = await readKept(folder);
  const answer = await options.transport.get(location.url, { etag: kept?.etag, signal: options.signal });
  if (answer.status === 'missing') throw missing(location, options.arch);
  if (answer.status === 'unchanged' && kept !== undefined) {
    try {
      return await read(kept.bytes);
    } catch (error) {
      await rm(join(folder, 'index'), { force: true });
      throw error;
    }
  }
  if (answer.status === 'unchanged') {
    throw buildError(errors, 'ENVIRONMENT_DOWNLOAD_FAILED', { url: file, why: 'the server sent nothing' });
  }
  const bytes = await readBody(answer.body, file, options.signal);
  const index = await read(bytes);
  if (answer.etag !== undefined) await keep(folder, answer.etag, bytes);
  return index;
}

function missing(location: Location, arch: string): Error {
  return buildError(errors, 'ENVIRONMENT_INDEX_MISSING', { location: formatLocation(location), arch });
}

/** ETag and bytes lie in one file, its first line being the ETag, so that they always belong together. */
async function readKept(folder: string): Promise<{ etag: string; bytes: Uint8Array } | undefined> {
  const file = await readFileOrNothing(join(folder, 'index'));
  const end = file?.indexOf(10) ?? -1;
  if (file === undefined || end < 0) return undefined;
  return { etag: file.toString('utf8', 0, end), bytes: file.subarray(end + 1) };
}

async function keep(folder: string, etag: string, bytes: Uint8Array): Promise<void> {
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${randomUUID()}`);
  try {
    await writeFile(temporary, Buffer.concat([Buffer.from(`${etag}\n`), bytes]));
    await rename(temporary, join(folder, 'index'));
  } finally {
    await rm(temporary, { force: true });
  }
}
