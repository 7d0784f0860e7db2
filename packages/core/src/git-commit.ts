import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The commit that is checked out where `folder` lies, or `undefined` without git or a repository. */
export async function gitCommit(folder: string): Promise<string | undefined> {
  try {
    const { stdout } = await run('git', ['-C', folder, 'rev-parse', 'HEAD'], { timeout: 5000 });
    const commit = stdout.trim();
    return /^[0-9a-f]{40,64}$/.test(commit) ? commit : undefined;
  } catch {
    return undefined;
  }
}

/** The address of the repository's `origin`, without credentials, or `undefined`. */
export async function gitRepository(folder: string): Promise<string | undefined> {
  try {
    const { stdout } = await run('git', ['-C', folder, 'remote', 'get-url', 'origin'], { timeout: 5000 });
    const url = stdout.trim();
    return url === '' ? undefined : url.replace(/^([a-z+]+:\/\/)[^/@]*@/, '$1');
  } catch {
    return undefined;
  }
}
