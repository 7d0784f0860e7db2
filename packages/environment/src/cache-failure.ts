import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'your quota on the disk is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'you may not write there',
  EPERM: 'you may not write there',
  ENOTDIR: 'a part of its path is a file',
};

/** Does `work` and names what goes wrong when the cache cannot be written: ENVIRONMENT_CACHE_UNWRITABLE. */
export async function namingCacheFailures<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const { code = '', path = '', dest = '' } = (cause ?? {}) as NodeJS.ErrnoException & { dest?: string };
    const why = reasons[code];
    const isWritten = [path, dest].some((name) => name.startsWith(folder)) || path === '';
    if (why === undefined || !isWritten) throw cause;
    throw buildError(errors, 'ENVIRONMENT_CACHE_UNWRITABLE', { folder, why }, { cause });
  }
}
