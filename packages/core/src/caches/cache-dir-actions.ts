import { copy, diff, type FileAction, mkdir } from '@melange2/llb';
import { cacheFolder, type LoweredBuild } from '@melange2/pipeline';

/** Folder of the exported tar with what goes into the cache folder of the client. */
export const exportedCache = 'cache';

/**
 * Copies what steps left in `/var/cache/melange`, and the sources that it got, to {@link exportedCache}.
 *
 * Daemons that tell states apart give only what steps have changed, others all of the folder. What steps keep in cache
 * mounts is in neither.
 */
export function cacheDirActions(lowered: LoweredBuild, caps: ReadonlySet<string>): FileAction[] {
  const to = `/${exportedCache}/`;
  const changed = caps.has('diffop')
    ? diff(lowered.prepared, lowered.workspace, {
        customName: 'find what steps left in the cache folder',
      }).file(mkdir(cacheFolder, { makeParents: true }), {
        customName: 'find what steps left in the cache folder',
      })
    : lowered.workspace;
  const contents = { copyDirContentsOnly: true, createDestPath: true };
  return [
    copy(changed, cacheFolder, to, contents),
    ...(lowered.sources === undefined ? [] : [copy(lowered.sources, '/', to, contents)]),
  ];
}
