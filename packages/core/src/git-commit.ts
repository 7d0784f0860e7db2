import { execFile } from 'node:child_process';
import { basename, dirname } from 'node:path';
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

/** The path of a file below the top of the repository it lies in; its name alone without git or a repository. */
export async function pathInRepository(file: string): Promise<string> {
  const name = basename(file);
  try {
    const folder = dirname(file);
    const { stdout } = await run('git', ['-C', folder, 'rev-parse', '--show-prefix'], { timeout: 5000 });
    return `${stdout.replace(/\n$/, '')}${name}`;
  } catch {
    return name;
  }
}
