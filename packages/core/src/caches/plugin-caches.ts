import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CacheBackend, CacheStore } from '@melange2/plugin-api';

/** Caches of a build, with those that plugins keep turned into folders that the daemon reads and writes. */
export interface PluginCaches {
  readonly imports: readonly CacheBackend[];
  readonly exports: readonly CacheBackend[];
  /** Has plugins take what the daemon wrote for them. */
  save(): Promise<void>;
  /** Removes the folders. */
  close(): Promise<void>;
}

export interface PluginCachesOptions {
  readonly imports: readonly CacheBackend[];
  readonly exports: readonly CacheBackend[];
  /** Where the folders are made. */
  readonly parent: string;
  readonly warn: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Has plugins load the caches they keep. One that cannot be loaded or saved is a warning, and the build goes on without.
 *
 * The daemon gets them as caches in folders of the client, by the session's content store.
 */
export async function openPluginCaches(options: PluginCachesOptions): Promise<PluginCaches> {
  const { parent, warn, signal } = options;
  const folders: string[] = [];
  const saves: { readonly type: string; readonly store: CacheStore; readonly folder: string }[] = [];
  const folder = async (): Promise<string> => {
    const made = await mkdtemp(join(parent, 'cache-'));
    folders.push(made);
    return made;
  };
  const tried = async (what: string, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      signal.throwIfAborted();
      warn(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  };
  const loaded = async ({ type, store, attributes }: CacheBackend): Promise<CacheBackend | undefined> => {
    if (store === undefined) return { type, attributes };
    const src = await folder();
    const isThere = await tried(`The cache of type ${type} was not read`, () => store.load(src, signal));
    return isThere ? { type: 'local', attributes: { src } } : undefined;
  };
  const written = async ({ type, store, attributes }: CacheBackend): Promise<CacheBackend> => {
    if (store === undefined) return { type, attributes };
    const dest = await folder();
    saves.push({ type, store, folder: dest });
    return { type: 'local', attributes: { mode: attributes['mode'] ?? 'max', dest } };
  };
  const close = async (): Promise<void> => {
    for (const made of folders) await rm(made, { recursive: true, force: true });
  };
  try {
    const imports = await Promise.all(options.imports.map(loaded));
    return {
      imports: imports.filter((backend) => backend !== undefined),
      exports: await Promise.all(options.exports.map(written)),
      async save() {
        for (const { type, store, folder: dest } of saves) {
          // The daemon has told why, if it has written nothing.
          if (!existsSync(join(dest, 'index.json'))) continue;
          await tried(`The build's cache of type ${type} was not written`, () => store.save(dest, signal));
        }
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
