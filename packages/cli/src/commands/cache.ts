import { resolve } from 'node:path';
import {
  buildArchitectures,
  type CacheMountRecord,
  type CacheMountStore,
  chooseCacheMount,
  chooseCacheMounts,
  errors as coreErrors,
  openCacheMounts,
  type ToolsRequest,
} from '@melange2/core';
import { buildError, utcTime } from '@melange2/diagnostics';
import { formatBytes } from '@melange2/progress';
import { errors } from '../errors.ts';
import { exitCodes } from '../exit-code.ts';
import { formatTable } from '../format-table.ts';
import type { Terminal } from '../terminal.ts';

interface CacheOptions {
  readonly buildkit?: string;
  readonly all?: boolean;
  readonly json?: boolean;
  readonly as?: string;
}

interface ToolsOptions {
  readonly repositoryAppend: readonly string[];
  readonly keyringAppend: readonly string[];
  readonly package: readonly string[];
  readonly ignoreSignatures?: boolean;
  readonly apkCacheDir?: string;
  readonly arch?: string;
}

/** Runs `melange2 cache ls`. */
export async function runCacheList(
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const { all, json } = raw as CacheOptions;
  return await withStore(raw, terminal, async (store) => {
    const mounts = (await store.list()).filter(({ identity }) => all === true || identity !== undefined);
    if (json === true) {
      terminal.stdout(`${JSON.stringify(mounts, undefined, 2)}\n`);
      return exitCodes.done;
    }
    if (mounts.length === 0) {
      terminal.stderr('no cache mounts: they come into being with the first step that uses one\n');
      return exitCodes.done;
    }
    const rows = mounts.map((mount) => [
      mount.identity?.name ?? '-',
      formatBytes(mount.sizeBytes),
      mount.lastUsedMs === undefined ? '-' : utcTime(mount.lastUsedMs).slice(0, 16).replace('T', ' '),
      String(mount.usageCount),
      mount.target ?? '-',
      mount.id ?? '-',
    ]);
    terminal.stdout(formatTable(['NAME', 'SIZE', 'LAST USED (UTC)', 'USES', 'PATH', 'ID'], rows));
    return exitCodes.done;
  });
}

/** Runs `melange2 cache du`. */
export async function runCacheUsage(
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  return await withStore(raw, terminal, async (store) => {
    const bytes = new Map<string, number>();
    for (const { identity, sizeBytes } of await store.list()) {
      const name = identity?.name ?? 'of other programs';
      bytes.set(name, (bytes.get(name) ?? 0) + sizeBytes);
    }
    const mounts = [...bytes.values()].reduce((a, b) => a + b, 0);
    const totalBytes = await store.totalBytes();
    const names = [...bytes].toSorted(([, a], [, b]) => b - a);
    if ((raw as CacheOptions).json === true) {
      const caches = names.map(([name, sizeBytes]) => ({ name, sizeBytes }));
      terminal.stdout(`${JSON.stringify({ caches, mountBytes: mounts, totalBytes }, undefined, 2)}\n`);
      return exitCodes.done;
    }
    const rows = [
      ...names,
      ['all cache mounts', mounts] as const,
      ['whole build cache of the daemon', totalBytes] as const,
    ];
    terminal.stdout(
      formatTable(
        ['NAME', 'SIZE'],
        rows.map(([name, size]) => [name, formatBytes(size)]),
      ),
    );
    return exitCodes.done;
  });
}

/** Runs `melange2 cache rm`. */
export async function runCacheRemove(
  names: readonly string[],
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  const { all } = raw as CacheOptions;
  if (names.length > 0 === (all === true)) {
    throw buildError(errors, 'CLI_USAGE', {
      problem: 'Name the caches that are to be removed, or say --all.',
    });
  }
  return await withStore(raw, terminal, async (store) => {
    const mounts = await store.list();
    const chosen =
      all === true
        ? mounts.filter(({ identity }) => identity !== undefined)
        : [...new Set(names.flatMap((name) => chooseCacheMounts(mounts, name)))];
    const left = await store.remove(chosen);
    for (const mount of chosen) {
      if (left.includes(mount)) continue;
      terminal.stderr(`removed ${nameOf(mount)} (${formatBytes(mount.sizeBytes)})\n`);
    }
    if (left.length > 0) throw buildError(coreErrors, 'CACHE_MOUNT_IN_USE', { names: left.map(nameOf) });
    return exitCodes.done;
  });
}

/** Runs `melange2 cache export`. */
export async function runCacheExport(
  name: string,
  file: string,
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  return await withStore(raw, terminal, async (store) => {
    const mount = chooseCacheMount(await store.list(), name);
    const size = await store.export(mount, resolve(terminal.cwd, file), toolsOf(raw, terminal));
    terminal.stderr(`wrote ${nameOf(mount)} to ${file} (${formatBytes(size)})\n`);
    return exitCodes.done;
  });
}

/** Runs `melange2 cache import`. */
export async function runCacheImport(
  file: string,
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
): Promise<number> {
  return await withStore(raw, terminal, async (store) => {
    const { as } = raw as CacheOptions;
    const id = await store.import(resolve(terminal.cwd, file), as, toolsOf(raw, terminal));
    terminal.stderr(`filled ${id} from ${file}\n`);
    return exitCodes.done;
  });
}

async function withStore(
  raw: Readonly<Record<string, unknown>>,
  terminal: Terminal,
  work: (store: CacheMountStore) => Promise<number>,
): Promise<number> {
  const { buildkit } = raw as CacheOptions;
  const store = await openCacheMounts({
    host: { env: terminal.env, cwd: terminal.cwd },
    onProgress: (text) => terminal.stderr(`${text}\n`),
    signal: terminal.signal,
    ...(buildkit === undefined ? {} : { address: buildkit }),
  });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

function toolsOf(raw: Readonly<Record<string, unknown>>, terminal: Terminal): ToolsRequest {
  const options = raw as unknown as ToolsOptions;
  const [architecture = ''] = buildArchitectures(
    options.arch === undefined ? [] : [options.arch],
    process.arch,
  );
  return {
    repositories: options.repositoryAppend,
    keyring: options.keyringAppend,
    packages: options.package.length === 0 ? ['busybox'] : options.package,
    ignoreSignatures: options.ignoreSignatures ?? false,
    architecture,
    ...(options.apkCacheDir === undefined ? {} : { apkCacheDir: resolve(terminal.cwd, options.apkCacheDir) }),
  };
}

function nameOf({ id, target, record }: CacheMountRecord): string {
  return id ?? target ?? record;
}
