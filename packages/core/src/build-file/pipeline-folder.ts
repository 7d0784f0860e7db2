import { type Dirent, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { PipelineCatalogue, PipelineFile } from '@melange2/pipeline';
import { unreadable } from '../file-source.ts';

/**
 * The pipelines of a folder of the client. A file is read when it is first asked for: a folder may have hundreds, and a
 * build file uses a few.
 *
 * @throws {BuildError} FILE_UNREADABLE, from its functions too, for what is there and cannot be read
 */
export function pipelineFolder(folder: string): PipelineCatalogue {
  const found = new Map<string, PipelineFile | undefined>();
  // A folder that is not there is told at once, not as pipelines that nobody knows.
  entriesOf(folder, false);
  return {
    where: folder,
    names: () =>
      entriesOf(folder, true)
        .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && entry.name.endsWith('.yaml'))
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)).slice(0, -'.yaml'.length))
        .toSorted(),
    resolve: (name) => {
      if (!found.has(name)) found.set(name, readPipeline(folder, name));
      return found.get(name);
    },
  };
}

function entriesOf(folder: string, recursive: boolean): Dirent[] {
  try {
    return readdirSync(folder, { recursive, withFileTypes: true });
  } catch (cause) {
    throw unreadable(folder, cause);
  }
}

function readPipeline(folder: string, name: string): PipelineFile | undefined {
  const path = join(folder, `${name}.yaml`);
  try {
    return { text: readFileSync(path, 'utf8'), file: path, builtIn: false };
  } catch (cause) {
    if (absent.has((cause as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw unreadable(path, cause);
  }
}

/** What says that there is no such file: the last two are names that no file can have. */
const absent: ReadonlySet<string> = new Set([
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'ENAMETOOLONG',
  'ERR_INVALID_ARG_VALUE',
]);
