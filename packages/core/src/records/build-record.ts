import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { withoutCacheSecrets } from '@melange2/cache';
import { buildError, utcTime } from '@melange2/diagnostics';
import type { BuildEvent } from '@melange2/progress';
import type { BuildRequest } from '../build-request.ts';
import { errors } from '../errors.ts';

/** Name of the build file in the folder of a record. */
export const keptBuildFile = 'build.yaml';

/** Builds whose records are kept; older ones are removed when a new one starts. */
const keptBuilds = 50;

/** What is kept of one build below its folder: `record.json`, and `logs/` with one whole log a step. */
export interface BuildRecord {
  readonly id: string;
  readonly folder: string;
  /** Keeps what was asked and the text of the build file, so that the build can be opened again. */
  keep(asked: AskedBuild): void;
  /** The file that the step's whole output goes to; the same name for the same step. */
  logFile(step: string, name: string): string;
  /** Keeps what belongs into the record. */
  receive(event: BuildEvent): void;
  /** Writes `record.json`, whole, and closes all files. */
  close(outcome: string): void;
}

/** What a build was asked to do. */
export interface AskedBuild {
  readonly request: BuildRequest;
  /** The folder that the program ran in. */
  readonly cwd: string;
  /** The build file, as it was. */
  readonly text: string;
}

/** The folder of all records: `$MELANGE2_STATE`, else `$XDG_STATE_HOME/melange2`, else `~/.local/state/melange2`. */
export function stateFolder(env: Readonly<Record<string, string | undefined>>): string {
  const own = env['MELANGE2_STATE'];
  if (own !== undefined && own !== '') return own;
  const xdg = env['XDG_STATE_HOME'];
  if (xdg !== undefined && xdg.startsWith('/')) return join(xdg, 'melange2');
  return join(env['HOME'] ?? homedir(), '.local/state/melange2');
}

/**
 * Opens the record of a new build. Its id is its start in UTC and the package's name: sorted names are in order of time.
 *
 * @throws {BuildError} RECORD_UNWRITABLE
 */
export function openBuildRecord(root: string, name: string, startedMs: number): BuildRecord {
  try {
    return open(root, name, startedMs);
  } catch (cause) {
    throw unwritable(root, cause);
  }
}

/** The error for a record that cannot be written; what is no failure of the file system comes back as it is. */
export function unwritable(folder: string, cause: unknown): unknown {
  const { code, message } = (cause ?? {}) as NodeJS.ErrnoException;
  if (code === undefined) return cause;
  const reason = { ENOSPC: 'the disk is full', EACCES: 'you may not write there' }[code] ?? message;
  return buildError(errors, 'RECORD_UNWRITABLE', { folder, reason }, { cause });
}

function open(root: string, name: string, startedMs: number): BuildRecord {
  const builds = join(root, 'builds');
  mkdirSync(builds, { recursive: true });
  removeOld(builds);
  const stamp = utcTime(startedMs).replaceAll(/[-:]/g, '').replace('T', '-').slice(0, 15);
  const { id, folder } = makeFolder(builds, `${stamp}-${recordSlug(name)}`);
  const logs = join(folder, 'logs');
  mkdirSync(logs);
  const files = new Map<string, { path: string; handle?: number }>();
  const closeLog = (step: string): void => {
    const file = files.get(step);
    if (file?.handle === undefined) return;
    closeSync(file.handle);
    delete file.handle;
  };
  const steps = new Map<string, Record<string, unknown>>();
  const stages: unknown[] = [];
  const packages: unknown[] = [];
  let head: Record<string, unknown> = {};
  let asked: Record<string, unknown> = {};
  let daemon: string | undefined;
  return {
    id,
    folder,
    keep({ request, cwd, text }) {
      writeFileSync(join(folder, keptBuildFile), text, { mode: 0o600 });
      // What is done with the results belongs to that one run.
      const { exportOnFailure: _, traceFile: __, timeoutMs: ___, onFailedStep: ____, ...again } = request;
      const { cacheFrom = [], cacheTo = [] } = again;
      const caches = {
        cacheFrom: cacheFrom.map(withoutCacheSecrets),
        cacheTo: cacheTo.map(withoutCacheSecrets),
      };
      const json = JSON.stringify({ ...again, ...caches }).replaceAll(/(\/\/)[^/@\s"]+@/g, '$1');
      asked = { cwd, request: JSON.parse(json) as unknown };
    },
    logFile(step, stepName) {
      const known = files.get(step);
      if (known !== undefined) return known.path;
      const path = join(logs, `${String(files.size + 1).padStart(3, '0')}-${recordSlug(stepName)}.log`);
      files.set(step, { path });
      return path;
    },
    receive(event) {
      switch (event.type) {
        case 'buildStarted':
          head = {
            file: event.file,
            package: event.package,
            architectures: event.architectures,
            startedMs: event.atMs,
          };
          break;
        case 'daemonFound':
          daemon = event.address;
          break;
        case 'stepPlanned':
          steps.set(event.step, {
            id: event.step,
            name: event.name,
            kind: event.kind,
            package: event.package,
            architecture: event.architecture,
            place: event.place,
            planned: event.planned,
            logFile: event.logFile,
          });
          break;
        case 'stepLog': {
          const file = files.get(event.step);
          if (file === undefined) break;
          file.handle ??= openSync(file.path, 'a');
          writeSync(file.handle, `${event.text}\n`);
          break;
        }
        case 'stepFinished':
          closeLog(event.step);
          Object.assign(steps.get(event.step) ?? {}, {
            cached: event.cached,
            durationMs: event.durationMs,
            error: event.error,
            exitCode: event.exitCode,
          });
          break;
        case 'stageFinished':
          stages.push({
            stage: event.stage,
            architecture: event.architecture,
            durationMs: event.durationMs,
            detail: event.detail,
          });
          break;
        case 'packageWritten':
          packages.push(event);
          break;
        default:
      }
    },
    close(outcome) {
      for (const step of files.keys()) closeLog(step);
      const record = {
        version: 1,
        id,
        ...head,
        daemon,
        outcome,
        stages,
        steps: [...steps.values()],
        packages,
        ...asked,
      };
      const path = join(folder, 'record.json');
      writeFileSync(`${path}.new`, `${JSON.stringify(record, undefined, 2)}\n`);
      renameSync(`${path}.new`, path);
    },
  };
}

function makeFolder(builds: string, wanted: string): { id: string; folder: string } {
  for (let n = 1; ; n++) {
    const id = n === 1 ? wanted : `${wanted}-${n}`;
    try {
      mkdirSync(join(builds, id));
      return { id, folder: join(builds, id) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function removeOld(builds: string): void {
  const all = readdirSync(builds).toSorted();
  for (const id of all.slice(0, Math.max(0, all.length - keptBuilds + 1))) {
    rmSync(join(builds, id), { recursive: true, force: true });
  }
}

/** A name as a part of the name of a file. */
export function recordSlug(text: string): string {
  return (
    text
      .replaceAll(/[^A-Za-z0-9._+-]+/g, '-')
      .replaceAll(/^[-.]+|-+$/g, '')
      .slice(0, 60) || 'step'
  );
}
