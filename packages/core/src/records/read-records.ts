import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buildError } from '@melange2/diagnostics';
import { stateFolder } from './build-record.ts';
import type { BuildRequest } from '../build-request.ts';
import { errors } from '../errors.ts';

/** One step of a recorded build. */
export interface RecordedStep {
  /** `ARCHITECTURE/DIGEST` of its vertex, which no other build has. */
  readonly id: string;
  /** The step of the plan, the same in every build of the file; absent in records of old. */
  readonly planned?: string;
  readonly name: string;
  readonly package?: string;
  readonly architecture?: string;
  readonly kind: string;
  readonly cached?: boolean;
  readonly durationMs?: number;
  readonly error?: string;
  readonly logFile?: string;
}

/** What was kept of a build. */
export interface RecordedBuild {
  readonly id: string;
  readonly file?: string;
  readonly package?: string;
  readonly architectures?: readonly string[];
  readonly startedMs?: number;
  /** Address of the daemon. */
  readonly daemon?: string;
  readonly outcome: string;
  /** The folder that the program ran in, and what was asked; absent when the build did not get that far. */
  readonly cwd?: string;
  readonly request?: BuildRequest;
  readonly steps: readonly RecordedStep[];
}

type Env = Readonly<Record<string, string | undefined>>;

/** The builds of this machine whose records are kept, the latest first. */
export async function listRecords(env: Env): Promise<readonly RecordedBuild[]> {
  const folder = join(stateFolder(env), 'builds');
  const ids = existsSync(folder) ? await readdir(folder) : [];
  const records = await Promise.all(
    ids.map(async (id) => {
      // A build that still runs, or was killed, has no record yet.
      const text = await readFile(join(folder, id, 'record.json'), 'utf8').catch(() => undefined);
      return text === undefined ? undefined : (JSON.parse(text) as RecordedBuild);
    }),
  );
  return records
    .filter((record) => record !== undefined)
    .toSorted((a, b) => (b.startedMs ?? 0) - (a.startedMs ?? 0));
}

/**
 * The record of one build.
 *
 * @param build an id or its beginning or end; absent: the latest build
 * @throws {BuildError} RECORD_NOT_FOUND
 */
export async function readRecord(env: Env, build: string | undefined): Promise<RecordedBuild> {
  const records = await listRecords(env);
  const record = records.find(({ id }) => build === undefined || id.startsWith(build) || id.endsWith(build));
  if (record !== undefined) return record;
  const what = build === undefined ? 'a build' : `the build ${build}`;
  throw buildError(errors, 'RECORD_NOT_FOUND', { what });
}

/** The folder of a build's record and logs. */
export function recordFolder(env: Env, { id }: RecordedBuild): string {
  return join(stateFolder(env), 'builds', id);
}

/**
 * A step of a recorded build.
 *
 * @param step its id, its name or part of it, or of the name of its log file; of several with a name it is the failed one.
 * Absent: the failed step, else the last command
 * @throws {BuildError} RECORD_NOT_FOUND
 */
export function findStep(
  record: RecordedBuild,
  step: string | undefined,
  among: readonly RecordedStep[] = record.steps,
): RecordedStep {
  const commands = among.filter(({ kind }) => kind === 'command');
  const found =
    step === undefined
      ? (failedStep({ ...record, steps: among }) ?? commands.at(-1))
      : (among.find(({ id, planned }) => id === step || planned === step) ??
        among.find(({ name, error }) => name === step && error !== undefined) ??
        among.find(({ name }) => name === step) ??
        commands.find(({ name }) => name.includes(step)) ??
        among.find(({ name }) => name.includes(step)) ??
        among.find(({ logFile }) => logFile !== undefined && basename(logFile).includes(step)));
  if (found !== undefined) return found;
  const what = step === undefined ? `output of ${record.id}` : `output of a step "${step}" in ${record.id}`;
  throw buildError(errors, 'RECORD_NOT_FOUND', { what });
}

/** The step that a build failed at. Steps that were stopped because of it are others. */
export function failedStep({ steps }: RecordedBuild): RecordedStep | undefined {
  return steps.find(({ error }) => error !== undefined && error !== 'canceled');
}

/**
 * The whole output of a step of a recorded build.
 *
 * @param build as {@link readRecord} takes it
 * @param step as {@link findStep} takes it
 * @throws {BuildError} RECORD_NOT_FOUND
 */
export async function readLog(
  env: Env,
  build: string | undefined,
  step: string | undefined,
): Promise<{ readonly record: RecordedBuild; readonly step: RecordedStep; readonly text: string }> {
  const record = await readRecord(env, build);
  const logs = record.steps.filter(({ logFile }) => logFile !== undefined && existsSync(logFile));
  const found = findStep(record, step, logs);
  return { record, step: found, text: await readFile(found.logFile ?? '', 'utf8') };
}
