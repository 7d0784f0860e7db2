import { realpathSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { buildError } from '@melange2/diagnostics';
import { filesync } from '@melange2/proto';
import { grpcCode } from '../../grpc/grpc-error.ts';
import type { LocalDir, VirtualTree } from '../../session-contract.ts';
import { sessionErrors } from '../errors.ts';
import type { ContentReaders } from '../fsutil/content-reader.ts';
import { contentTimes, type ContentTimes } from '../fsutil/content-times.ts';
import { followLinks } from '../fsutil/follow-links.ts';
import { pathFilter, type PathFilter } from '../fsutil/path-filter.ts';
import { sendTree } from '../fsutil/send-tree.ts';
import type { TreeEntry } from '../fsutil/tree-entry.ts';
import { walkVirtualTree } from '../fsutil/virtual-tree.ts';
import { unreadable, walkFolder } from '../fsutil/walk-folder.ts';
import type { CallHandler, CallMetadata } from '../server-call.ts';
import type { SessionHost } from '../session-host.ts';
import { StatusError } from '../status-error.ts';
import { transferReports } from '../transfer-reports.ts';

/** Serves folders and virtual trees to `local` sources. */
export function localDirsService(
  dirs: Readonly<Record<string, LocalDir | VirtualTree>>,
  cacheDir: string | undefined,
  host: SessionHost,
  readers: ContentReaders,
): { readonly handlers: readonly (readonly [string, CallHandler])[]; readonly close: () => Promise<void> } {
  const saving = new Set<Promise<void>>();
  const diffCopy: CallHandler = async (call) => {
    const name = call.metadata.get('dir-name')?.[0] ?? '';
    const dir = Object.hasOwn(dirs, name) ? dirs[name] : undefined;
    if (dir === undefined) throw new StatusError(grpcCode.notFound, `no access allowed to dir "${name}"`);
    const reports = transferReports('send', name, host);
    const counts = { entries: 0, files: 0, bytes: 0 };
    const timer = setInterval(() => reports.progress(counts), 100);
    try {
      const tree = 'files' in dir ? virtualTree(dir, call.metadata) : realTree(name, dir, call.metadata);
      const times = await tree.times(cacheDir, readers);
      await sendTree(call, tree.entries(), times, counts);
      // The daemon need not wait for this.
      const saved = times?.save().finally(() => saving.delete(saved!));
      if (saved !== undefined) saving.add(saved);
    } finally {
      clearInterval(timer);
      reports.done(counts);
    }
  };
  return {
    handlers: [[filesync.FileSync.methods.DiffCopy.path, diffCopy]],
    async close() {
      await Promise.all(saving);
    },
  };
}

interface Tree {
  readonly entries: () => Iterable<TreeEntry>;
  readonly times: (
    cacheDir: string | undefined,
    readers: ContentReaders,
  ) => Promise<ContentTimes | undefined>;
}

function realTree(name: string, dir: LocalDir, metadata: CallMetadata): Tree {
  const root = rootOf(name, dir.path);
  const patterns = ['include-patterns', 'exclude-patterns', 'followpaths'] as const;
  // A folder may be read several times in one build, each time another part of it.
  const read = [name, root, dir, ...patterns.map((key) => metadata.get(key) ?? [])];
  const filters = [
    filterOf(root, dir.include?.map(fromIgnoreFile), dir.exclude?.map(fromIgnoreFile), dir.followPaths),
    filterOf(
      root,
      metadata.get('include-patterns'),
      metadata.get('exclude-patterns'),
      metadata.get('followpaths'),
    ),
  ].filter((f) => f !== undefined);
  const times = dir.times ?? 'content';
  return {
    entries: () => walkFolder(root, { filters, owners: dir.owners ?? 'reset', times }),
    times: async (cacheDir, readers) =>
      times === 'content' ? await contentTimes(JSON.stringify(read), cacheDir, readers) : undefined,
  };
}

function virtualTree(tree: VirtualTree, metadata: CallMetadata): Tree {
  const filter = pathFilter(
    [...(metadata.get('include-patterns') ?? []), ...(metadata.get('followpaths') ?? [])],
    metadata.get('exclude-patterns') ?? [],
  );
  return {
    entries: () => walkVirtualTree(tree, filter === undefined ? [] : [filter]),
    times: (_, readers) => contentTimes('', undefined, readers),
  };
}

function rootOf(name: string, path: string): string {
  try {
    const root = realpathSync(path);
    if (statSync(root).isDirectory()) return root;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(path, cause);
  }
  throw buildError(sessionErrors, 'SESSION_DIR_MISSING', { name, path });
}

function filterOf(
  root: string,
  include: readonly string[] = [],
  exclude: readonly string[] = [],
  follow: readonly string[] = [],
): PathFilter | undefined {
  if (follow.length === 0) return pathFilter(include, exclude);
  const followed = followLinks(root, follow);
  return pathFilter(followed === undefined ? include : [...include, ...followed], exclude);
}

/** In an ignore file, a slash in front means the folder itself; BuildKit's patterns have none. */
function fromIgnoreFile(pattern: string): string {
  const text = pattern.trim();
  const plain = (path: string): string => posix.normalize(path.trim()).replace(/^\/+/, '');
  if (text === '' || text === '!') return text;
  return text.startsWith('!') ? `!${plain(text.slice(1))}` : plain(text);
}
