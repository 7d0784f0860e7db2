import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { builtinCatalogue, layeredCatalogue, type PipelineCatalogue } from '@melange2/pipeline';
import type { BuildRequest, Host } from '../build-request.ts';
import { unreadable } from '../file-source.ts';
import { pipelineFolder } from './pipeline-folder.ts';
import { readBuildText } from './read-config.ts';
import { gitCommit, gitRepository, pathInRepository } from './git-repository.ts';

/** Everything that is read before a build file is understood. */
export interface BuildInputs {
  readonly text: string;
  /** The folder of the build file. */
  readonly folder: string;
  readonly envFiles: readonly { readonly file: string; readonly text: string }[];
  readonly varsFile?: { readonly file: string; readonly text: string };
  readonly catalogue: PipelineCatalogue;
  readonly commit: string;
  readonly repository: string;
  /** Path of the build file below the top of its repository; its name alone where there is none. */
  readonly pathInRepository: string;
}

/** Where further pipelines of a machine lie, after those of the command line and before the built-in ones. */
const systemPipelines = '/usr/share/melange/pipelines';

/** What says where a build file and what belongs to it are. */
export type InputRequest = Pick<
  BuildRequest,
  'file' | 'envFiles' | 'varsFile' | 'pipelineDirs' | 'gitCommit' | 'gitRepoUrl'
>;

/**
 * Reads the build file and what belongs to it.
 *
 * @param known the text of the build file, when it is not to be read
 * @throws {BuildError} FILE_UNREADABLE, BUILD_FILE_INVALID when the build file is no text
 */
export async function readInputs(request: InputRequest, host: Host, known?: string): Promise<BuildInputs> {
  const path = resolve(host.cwd, request.file);
  const folder = dirname(path);
  const catalogue = openCatalogue(request.pipelineDirs);
  const [text, envFiles, varsFile, commit, repository, inRepository] = await Promise.all([
    known ?? readBuildText(path, request.file),
    Promise.all(request.envFiles.map(async (file) => ({ file, text: await readText(file, file) }))),
    request.varsFile === undefined
      ? undefined
      : readText(request.varsFile, request.varsFile).then((t) => ({ file: request.varsFile ?? '', text: t })),
    request.gitCommit ?? gitCommit(folder),
    request.gitRepoUrl ?? gitRepository(folder),
    pathInRepository(path),
  ]);
  return {
    text,
    folder,
    envFiles,
    catalogue,
    commit: commit ?? 'unknown',
    repository: repository ?? 'https://unknown/unknown/unknown',
    pathInRepository: inRepository,
    ...(varsFile === undefined ? {} : { varsFile }),
  };
}

/**
 * The pipelines of these folders, then of the machine, then the built-in ones.
 *
 * @throws {BuildError} FILE_UNREADABLE
 */
export function openCatalogue(folders: readonly string[]): PipelineCatalogue {
  const wanted = existsSync(systemPipelines) ? [...folders, systemPipelines] : folders;
  return layeredCatalogue([...wanted.map(pipelineFolder), builtinCatalogue]);
}

async function readText(path: string, shown: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw unreadable(shown, cause);
  });
}
