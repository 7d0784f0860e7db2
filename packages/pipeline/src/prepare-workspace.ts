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
