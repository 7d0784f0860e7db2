import { mkdir, scratch, type Mount } from '@melange2/llb';
import type { PlannedMount, PlannedUser } from './build-plan.ts';
import { logFolder } from './step-command.ts';

/** The mount that a step's log is written to. */
export function logMount({ uid, gid }: PlannedUser): Mount {
  return {
    kind: 'bind',
    dest: logFolder,
    source: scratch().file(mkdir('/log', { mode: 0o755, owner: { user: uid, group: gid } }), {
      customName: 'make an empty log folder',
    }),
    selector: '/log',
  };
}

/**
 * A cache as the mount of an exec. Graphs that mount the same cache have to use this: the daemon tells caches apart by
 * their id and by what they were begun from.
 */
export function cacheMountOf(
  { id, target, sharing }: Omit<PlannedMount, 'kind'>,
  { uid, gid }: PlannedUser,
): Mount {
  return {
    kind: 'cache',
    dest: target,
    id,
    sharing,
    // Who writes owns the folder: the daemon would make it for root.
    source: scratch().file(mkdir('/cache', { mode: 0o755, owner: { user: uid, group: gid } }), {
      customName: 'make an empty cache folder',
    }),
    selector: '/cache',
  };
}
