import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';

/**
 * The commit that is checked out where `folder` lies, or `undefined` where there is no repository or no commit.
 *
 * Read from the repository's own files: starting git would take longer than compiling a build file.
 */
export async function gitCommit(folder: string): Promise<string | undefined> {
  const repository = await findRepository(folder);
  if (repository === undefined) return undefined;
  const head = await readLine(join(repository.own, 'HEAD'));
  const reference = /^ref: (refs\/\S+)$/.exec(head ?? '')?.[1];
  const commit = reference === undefined ? head : await readReference(repository, reference);
  return commit !== undefined && /^[0-9a-f]{40,64}$/.test(commit) ? commit : undefined;
}

/** The address of the repository's `origin`, without credentials, or `undefined`. */
export async function gitRepository(folder: string): Promise<string | undefined> {
  const repository = await findRepository(folder);
  if (repository === undefined) return undefined;
  const config = await readFile(join(repository.common, 'config'), 'utf8').catch(() => '');
  const section = /^\[remote "origin"\][^\n]*\n((?:(?!\[).*\n?)*)/m.exec(config)?.[1] ?? '';
  const url = /^\s*url\s*=\s*"?([^"\n]*?)"?\s*$/m.exec(section)?.[1] ?? '';
  return url === '' ? undefined : url.replace(/^([a-z+]+:\/\/)[^/@]*@/, '$1');
}

/** The path of a file below the top of the repository it lies in; its name alone where there is none. */
export async function pathInRepository(file: string): Promise<string> {
  const repository = await findRepository(dirname(file));
  return repository === undefined ? basename(file) : relative(repository.top, file).replaceAll(sep, '/');
}

interface Repository {
  /** The folder of the working tree. */
  readonly top: string;
  /** What belongs to this working tree alone. */
  readonly own: string;
  /** What all working trees share. */
  readonly common: string;
}

/** The repository whose working tree `folder` lies in. */
async function findRepository(folder: string): Promise<Repository | undefined> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const path = join(at, '.git');
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory() === true) return { top: at, own: path, common: path };
    if (found?.isFile() === true) {
      // A linked working tree or a submodule: the file says where its part of the repository is.
      const target = /^gitdir: (.+)$/.exec((await readLine(path)) ?? '')?.[1];
      if (target === undefined) return undefined;
      const own = resolve(at, target);
      const common = await readLine(join(own, 'commondir'));
      return { top: at, own, common: common === undefined ? own : resolve(own, common) };
    }
    if (dirname(at) === at) return undefined;
  }
}

async function readReference({ own, common }: Repository, reference: string): Promise<string | undefined> {
  const loose = (await readLine(join(own, reference))) ?? (await readLine(join(common, reference)));
  if (loose !== undefined) return loose;
  const packed = await readFile(join(common, 'packed-refs'), 'utf8').catch(() => '');
  const line = packed.split('\n').find((entry) => entry.endsWith(` ${reference}`));
  return line?.split(' ')[0];
}

/** The first line of a file; `undefined` when it cannot be read. */
async function readLine(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text?.split('\n')[0]?.trim();
}
