import type { CacheMount, CacheWriter } from './cache-mount.ts';

/** What an id made by {@link cacheMountId} says. */
export interface CacheMountIdentity extends CacheWriter {
  readonly name: string;
  readonly identity: readonly string[];
}

/**
 * The id under which the daemon keeps a mount: `melange2/<name>/<architecture>/<uid>-<gid>[/<identity>…]`.
 *
 * Equal for equal facts, in any order of `identity`. Characters that ids should not have are replaced by `_`.
 */
export function cacheMountId(mount: Pick<CacheMount, 'name' | 'identity'>, writer: CacheWriter): string {
  const parts = [
    'melange2',
    mount.name,
    writer.architecture,
    `${writer.uid}-${writer.gid}`,
    ...mount.identity.toSorted(),
  ];
  return parts.map((part) => part.replaceAll(/[^A-Za-z0-9._+-]/g, '_')).join('/');
}

/** Reads an id made by {@link cacheMountId}; `undefined` for a foreign one. */
export function parseCacheMountId(id: string): CacheMountIdentity | undefined {
  const match = /^melange2\/([^/\s]+)\/([^/\s]+)\/(\d+)-(\d+)((?:\/[^/\s]+)*)$/.exec(id);
  if (match === null) return undefined;
  const [, name = '', architecture = '', uid, gid, rest = ''] = match;
  return {
    name,
    architecture,
    uid: Number(uid),
    gid: Number(gid),
    identity: rest.split('/').filter((part) => part !== ''),
  };
}

/**
 * What a step is started with, besides its script, so that the daemon's record of a mount tells its id: daemons before
 * 0.9 note the command that first used a mount, and not the id.
 */
export function cacheMountNote(id: string, target: string): string {
  return `cache:${id}:${target}`;
}

/** What a daemon's description of a cache mount says, as far as it does. */
export interface DescribedCacheMount {
  /** Where it was when it was first used. */
  readonly target: string;
  readonly id?: string;
}

/**
 * Reads the description of a record of type `exec.cachemount`: `cached mount TARGET from exec COMMAND with id "ID"`,
 * on old daemons without the id, which then stands in the command. `undefined` when it is something else.
 */
export function parseCacheMountDescription(description: string): DescribedCacheMount | undefined {
  const target = /^cached mount (\S+) from /.exec(description)?.[1];
  if (target === undefined) return undefined;
  const told = / with id "([^"\s]+)"$/.exec(description)?.[1];
  const noted = description.split(/\s+/).findLast((word) => {
    return word.startsWith('cache:') && word.endsWith(`:${target}`);
  });
  const id = told ?? noted?.slice('cache:'.length, -target.length - 1);
  return id === undefined ? { target } : { target, id };
}
