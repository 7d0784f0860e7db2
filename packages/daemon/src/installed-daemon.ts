import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { DaemonProgram } from './daemon-command.ts';

/** Where daemons' programs lie that are not on everybody's PATH. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * Finds programs that this user can start as a daemon, the better one first: buildkitd, as root or with
 * rootlesskit, then dockerd, as root.
 */
export async function installedDaemons(path: string, isRoot: boolean): Promise<readonly DaemonProgram[]> {
  const [buildkitd, dockerd, rootlesskit] = await Promise.all(
    ['buildkitd', 'dockerd', 'rootlesskit'].map((name) => findProgram(name, path)),
  );
  const programs: DaemonProgram[] = [];
  if (buildkitd !== undefined && isRoot) programs.push({ kind: 'buildkitd', path: buildkitd });
  if (buildkitd !== undefined && !isRoot && rootlesskit !== undefined) {
    programs.push({ kind: 'buildkitd', path: buildkitd, rootlesskit });
  }
  if (dockerd !== undefined && isRoot) programs.push({ kind: 'dockerd', path: dockerd });
  return programs;
}

async function findProgram(name: string, path: string): Promise<string | undefined> {
  for (const folder of [...path.split(':'), ...systemFolders]) {
    if (!isAbsolute(folder)) continue;
    const file = join(folder, name);
    const executable = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return file;
  }
  return undefined;
}
