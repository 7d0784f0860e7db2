import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildError } from '@melange2/diagnostics';
import { stateFolder } from './build-record.ts';
import { errors } from './errors.ts';

/** One step of a recorded build. */
export interface RecordedStep {
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
  readonly startedMs?: number;
  readonly outcome: string;
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
 * The whole output of a step of a recorded build.
 *
 * @param build an id or its beginning; absent: the latest build
 * @param step a name or part of it; absent: the failed step, else the last one that printed something
 * @throws {BuildError} RECORD_NOT_FOUND
 */
export async function readLog(
  env: Env,
  build: string | undefined,
  step: string | undefined,
): Promise<{ readonly record: RecordedBuild; readonly step: RecordedStep; readonly text: string }> {
  const records = await listRecords(env);
  const record = records.find(({ id }) => build === undefined || id.startsWith(build) || id.endsWith(build));
  if (record === undefined) {
    throw buildError(errors, 'RECORD_NOT_FOUND', {
      what: build === undefined ? 'a build' : `the build ${build}`,
    });
  }
  const logs = record.steps.filter(({ logFile }) => logFile !== undefined && existsSync(logFile));
  const found =
    step === undefined
      ? (logs.find(({ error }) => error !== undefined) ?? logs.findLast(({ kind }) => kind === 'command'))
      : (logs.find(({ name }) => name === step) ?? logs.find(({ name }) => name.includes(step)));
  if (found?.logFile === undefined) {
    const what = step === undefined ? `output of ${record.id}` : `output of a step "${step}" in ${record.id}`;
    throw buildError(errors, 'RECORD_NOT_FOUND', { what });
  }
  return { record, step: found, text: await readFile(found.logFile, 'utf8') };
}
