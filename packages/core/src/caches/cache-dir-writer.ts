import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, link, lstat, mkdir, open, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import type { TarEntry } from '@melange2/apk';
import { exportedCache } from './cache-dir-actions.ts';

/** Takes what a build leaves for the cache folder. */
export interface CacheDirWriter {
  /** Writes an entry of the exported tar that is for the folder; `false` for others, whose content is not read. */
  receive(entry: TarEntry): Promise<boolean>;
}

/**
 * Opens the cache folder of the client for writing, and makes it if it is not there.
 *
 * Each file appears whole or not at all; one that is there with the same content is left alone, and nothing is removed.
 * A source whose content is not what its name says is not written. Nothing is written through a symbolic link, and none
 * is made that leads out of the folder. What cannot be written is told by `warn`, and is no failure.
 */
export async function openCacheDir(folder: string, warn: (text: string) => void): Promise<CacheDirWriter> {
  let warned = 0;
  const refuse = (path: string, why: string): void => {
    if (warned++ < 5) warn(`${join(folder, path)} was not written to the cache folder: ${why}`);
  };
  await mkdir(folder, { recursive: true }).catch((error: unknown) => refuse('', String(error)));
  return {
    async receive(entry) {
      const path = pathIn(entry.name);
      if (path === undefined) return false;
      try {
        const why = await write(folder, path, entry);
        if (why !== undefined) refuse(path, why);
      } catch (error) {
        if (!(error instanceof Error && 'syscall' in error)) throw error;
        refuse(path, error.message);
      }
      return true;
    },
  };
}

/** The path below the folder, or `undefined` for what is not for it. */
function pathIn(name: string): string | undefined {
  const path = normalize(name.replace(/^(\.?\/)+/, ''));
  return path.startsWith(`${exportedCache}/`) ? path.slice(exportedCache.length + 1) : undefined;
}

/** Writes one entry; returns why it was not written, if it was not. */
async function write(folder: string, path: string, entry: TarEntry): Promise<string | undefined> {
  const to = join(folder, path);
  if (!(await isReachable(folder, path))) return 'a link or a file stands in its way';
  await mkdir(dirname(to), { recursive: true });
  const there = await lstat(to).catch(() => undefined);
  if (there?.isDirectory() === true) return 'a folder has its name';
  const aside = join(dirname(to), `.melange2-${randomBytes(8).toString('hex')}.new`);
  try {
    switch (entry.type) {
      case 'file': {
        const digest = await store(entry, aside);
        const wanted = /^sha(256|512):([0-9a-f]+)$/.exec(path);
        if (wanted !== null && wanted[2] !== digest[wanted[1] === '512' ? 'sha512' : 'sha256'])
          return 'its content is not what its name says';
        if (there?.isFile() === true && there.size === entry.size) {
          if ((await digestOf(to)) === digest.sha256) return undefined;
        }
        await chmod(aside, (entry.mode & 0o777) | 0o600);
        break;
      }
      case 'symlink': {
        const target = normalize(join(dirname(path), entry.linkName));
        if (entry.linkName.startsWith('/') || target.startsWith('..'))
          return 'it is a link out of the folder';
        await symlink(entry.linkName, aside);
        break;
      }
      case 'hardLink': {
        const target = pathIn(entry.linkName);
        if (target === undefined || !(await isReachable(folder, target)))
          return 'it is a link out of the folder';
        await link(join(folder, target), aside);
        break;
      }
      default:
        return undefined;
    }
    // Renaming one name of a file over another of the same file does nothing, and leaves both.
    await rename(aside, to);
    return undefined;
  } finally {
    await rm(aside, { force: true });
  }
}

/** Whether all that leads to a path in the folder are folders, or not there. */
async function isReachable(folder: string, path: string): Promise<boolean> {
  if (path.startsWith('../') || path === '..') return false;
  const parts = path.split('/').slice(0, -1);
  for (let length = 1; length <= parts.length; length++) {
    const found = await lstat(join(folder, ...parts.slice(0, length))).catch(() => undefined);
    if (found === undefined) return true;
    if (!found.isDirectory()) return false;
  }
  return true;
}

async function store(
  entry: TarEntry,
  path: string,
): Promise<{ readonly sha256: string; readonly sha512: string }> {
  const sha256 = createHash('sha256');
  const sha512 = entry.name.includes('sha512:') ? createHash('sha512') : undefined;
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of entry.content) {
      sha256.update(chunk);
      sha512?.update(chunk);
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
  return { sha256: sha256.digest('hex'), sha512: sha512?.digest('hex') ?? '' };
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
