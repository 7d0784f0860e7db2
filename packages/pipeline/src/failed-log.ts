import type { Mount, State } from '@melange2/llb';
import type { PlannedUser } from './build-plan.ts';
import { logFile, logFolder } from './step-command.ts';
import { cacheMountOf, logMount } from './step-mounts.ts';

// A cache outlives a failure, where nothing else of a step does. In the folder of the log it leaves no trace in the root.
const folder = `${logFolder}/failed`;

/** The mount that takes what failed steps of a user printed. */
export function failedLogMount(user: PlannedUser): Mount {
  const id = `melange2-failed-logs-${user.uid}-${user.gid}`;
  return cacheMountOf({ id, target: folder, sharing: 'shared' }, user);
}

/** Where the output of a step is put in {@link failedLogMount} when it fails. */
export function failedLogPath(architecture: string, step: string): string {
  return `${folder}/${encodeURIComponent(`${architecture} ${step}`)}`;
}

/** A step that failed, as its output is kept. */
export interface FailedLog {
  readonly architecture: string;
  /** Its id. */
  readonly step: string;
  readonly user: PlannedUser;
}

/**
 * The state that holds what a failed step printed, in the file `/log/output`; it is taken away from where it was
 * kept. `base` is a state with a shell, and `once` a word that was not used before: what a daemon has done it does not
 * do again.
 */
export function takeFailedLog(base: State, { architecture, step, user }: FailedLog, once: string): State {
  const script = `mv ${failedLogPath(architecture, step)} ${logFolder}/${logFile}`;
  return base
    .run({
      args: ['/bin/sh', '-c', script, once],
      user: `${user.uid}:${user.gid}`,
      network: 'none',
      mounts: [logMount(user), failedLogMount(user)],
      customName: 'read what the failed step printed',
    })
    .mount(logFolder);
}
