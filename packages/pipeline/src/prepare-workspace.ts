import { copy, mkfile, scratch, type State } from '@melange2/llb';
import type { PlannedUser } from './build-plan.ts';
import { workspaceArchive, type WorkspaceEntry } from './workspace-archive.ts';

export interface WorkspaceOptions {
  /** Who owns it. */
  readonly user: PlannedUser;
  /** The folders to make below `melange-out`; without any there is no `melange-out`. */
  readonly outputs: readonly string[];
  /** Seconds since 1970: the time of all of it. */
  readonly sourceDateEpoch: number;
  /** Small files, by path below `/home/build`. */
  readonly files?: Readonly<Record<string, string>>;
  /**
   * Absolute paths of folders that steps get mounts at. Those below `/home/build` are made here with all above them,
   * for the user: the daemon makes mount points as root, and a step could not write beside its mount.
   */
  readonly folders?: readonly string[];
}

/** Adds the folders that steps expect to an environment: `/home/build`, `/tmp`, `/var/cache/melange` and the outputs. */
export function prepareWorkspace(base: State, options: WorkspaceOptions): State {
  const { uid, gid } = options.user;
  const own = { mode: 0o755, uid, gid };
  const theirs = { mode: 0o755, uid: 0, gid: 0 };
  const outputs = options.outputs.map((name) => ({ path: `home/build/melange-out/${name}`, ...own }));
  const entries: WorkspaceEntry[] = [
    { path: 'tmp', mode: 0o1777, uid: 0, gid: 0 },
    { path: 'home', ...theirs },
    { path: 'home/build', ...own },
    ...foldersBelowHome(options.folders ?? []).map((path) => ({ path, ...own })),
    ...(outputs.length === 0 ? [] : [{ path: 'home/build/melange-out', ...own }]),
    ...outputs,
    { path: 'var', ...theirs },
    { path: 'var/cache', ...theirs },
    { path: 'var/cache/melange', ...own },
    ...Object.entries(options.files ?? {})
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, text]) => ({ path: `home/build/${path}`, mode: 0o644, uid, gid, text })),
  ];
  const archive = workspaceArchive(entries, options.sourceDateEpoch);
  return base.file(
    copy({ base: scratch(), actions: [mkfile('/workspace.tar', archive)] }, '/workspace.tar', '/', {
      attemptUnpack: true,
    }),
    { customName: 'prepare the workspace' },
  );
}

/** Each folder below `/home/build` that leads to one of `targets`, and these themselves, parents first. */
function foldersBelowHome(targets: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const target of targets) {
    const parts = target.split('/').filter((part) => part !== '' && part !== '.');
    if (parts[0] !== 'home' || parts[1] !== 'build' || parts.includes('..')) continue;
    for (let length = 3; length <= parts.length; length++) found.add(parts.slice(0, length).join('/'));
  }
  return [...found].toSorted();
}
