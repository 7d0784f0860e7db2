import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { parseRemoteCache } from '@melange2/cache';
import { local, type State } from '@melange2/llb';
import { cacheNames, type PlannedStep } from '@melange2/pipeline';
import type { LocalDir } from '@melange2/buildkit-client';
import { stateFolder } from '../records/build-record.ts';
import type { BuildRequest, Host } from '../build-request.ts';
import { cacheFolder } from '../caches/cache-folder.ts';
import type { BuildInputs } from './read-inputs.ts';

/**
 * A folder of the client, as the graph and as the session know it.
 *
 * Its vertex is no other build's: builds that run at the same time share vertices that are alike, and with them the
 * files that the first one sends.
 */
export interface SentFolder {
  readonly state: State;
  readonly dirs: Readonly<Record<string, LocalDir>>;
}

/**
 * The folder whose files go into the workspace: the one given, else the folder beside the build file that is named
 * like the package, else the build file's own.
 *
 * Not sent: what `.melangeignore` lists, the build file itself, what the build writes (packages, caches, records), and
 * the signing key, which no step may see. With its own results among its sources, a build would never find the results of
 * another one in a cache.
 */
export function sourceFolder(
  request: BuildRequest,
  inputs: BuildInputs,
  packageName: string,
  localUniqueId: string,
  { cwd, env }: Pick<Host, 'cwd' | 'env'>,
): SentFolder | undefined {
  if (request.emptyWorkspace) return undefined;
  const beside = join(inputs.folder, packageName);
  const path = request.sourceDir ?? (isDirectory(beside) ? beside : inputs.folder);
  if (!isDirectory(path)) return undefined;
  const inside = [resolve(cwd, request.file), ...ownPaths(request, cwd), stateFolder(env), cacheFolder(env)]
    .map((p) => relative(path, p))
    .filter((p) => p !== '' && p !== '..' && !p.startsWith('../'));
  const exclude = [...ignorePatterns(path), ...inside];
  return {
    state: local('source', {
      sharedKeyHint: `melange2-source-${basename(path)}`,
      localUniqueId,
      customName: 'send the sources',
    }),
    dirs: { source: { path, ...(exclude.length === 0 ? {} : { exclude }) } },
  };
}

/** What lies where the request says, and is no source. */
function ownPaths(request: BuildRequest, cwd: string): string[] {
  const { outDir, cacheDir, apkCacheDir, signingKey, traceFile, cacheFrom, cacheTo } = request;
  const caches = [...(cacheFrom ?? []), ...(cacheTo ?? [])].flatMap((spec) => {
    const { type, attributes } = parseRemoteCache(spec);
    return type === 'local' ? [attributes['src'], attributes['dest']] : [];
  });
  const log = request.createBuildLog ? 'packages.log' : undefined;
  return [outDir, cacheDir, apkCacheDir, signingKey, traceFile, log, ...caches]
    .filter((path) => path !== undefined)
    .map((path) => resolve(cwd, path));
}

/** The patterns of `.melangeignore`, as a list of what is not sent. */
function ignorePatterns(folder: string): string[] {
  const file = join(folder, '.melangeignore');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .flatMap((line) => {
      const negated = line.startsWith('!') ? '!' : '';
      const pattern = line.slice(negated.length).replace(/^\//, '').replace(/\/$/, '');
      // A pattern without a slash matches in every folder, as git has it.
      const anywhere = !pattern.includes('/') && !line.slice(negated.length).startsWith('/');
      return [`${negated}${anywhere ? `**/${pattern}` : pattern}`];
    });
}

/** What the offline cache offers to the steps. */
export interface SourceCache {
  /** The state that holds a file of the cache, by its name there: `sha256:HEX`, `git:COMMIT-…`. */
  readonly cached: (name: string) => State | undefined;
  /** Whether a file of this name is to be put into the cache. */
  readonly keeps: (name: string) => boolean;
  /** What else lies in the folder, for `/var/cache/melange`. */
  readonly contents: State | undefined;
  readonly dirs: Readonly<Record<string, LocalDir>>;
}

/** Opens the offline cache for these steps; only what they ask for is sent. */
export function openSourceCache(
  folder: string | undefined,
  steps: readonly PlannedStep[],
  localUniqueId: string,
): SourceCache {
  if (folder === undefined || !isDirectory(folder)) {
    const keeps = (): boolean => folder !== undefined;
    return { cached: () => undefined, keeps, contents: undefined, dirs: {} };
  }
  const entries = new Set(readdirSync(folder));
  const wanted = new Set(steps.flatMap(cacheNames).filter((name) => entries.has(name)));
  const others = [...entries].filter((name) => !/^(?:sha256|sha512|git):/.test(name)).toSorted();
  const sent = (include: readonly string[], customName: string): State =>
    local('cache', { includePatterns: include, sharedKeyHint: 'melange2-cache', localUniqueId, customName });
  return {
    cached: (name) => (wanted.has(name) ? sent([name], `send ${name} of the cache folder`) : undefined),
    keeps: (name) => !entries.has(name),
    contents: others.length === 0 ? undefined : sent(others, 'send the cache folder'),
    dirs: wanted.size === 0 && others.length === 0 ? {} : { cache: { path: folder } },
  };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
