import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { readTar } from '@melange2/apk';
import type { Attachables, Capabilities } from '@melange2/buildkit-client';
import type { Redactor } from '@melange2/diagnostics';
import type { State } from '@melange2/llb';
import { type FailedLog, logFile, logFolder, takeFailedLog } from '@melange2/pipeline';
import type { ArchitectureBuild } from '../architecture-build.ts';
import { definitionOf } from '../plan-graph.ts';
import { redactStream } from '../redact-stream.ts';
import type { StepState } from './step-state.ts';
import type { StepTracker } from './step-tracker.ts';

/**
 * Whether steps have to keep what they print for the case that they fail: on daemons that forget the state of a failed
 * step, which came with the same release as this capability.
 */
export function needsFailedLogs({ gateway }: Capabilities): boolean {
  return !gateway.has('gateway.evaluate');
}

/** Writes the log out of the tar of a state that holds it, without secrets; the file appears whole or not at all. */
export async function receiveLog(
  stream: AsyncIterable<Uint8Array>,
  file: string,
  redactor: Redactor,
): Promise<void> {
  for await (const entry of readTar(stream, { archive: 'the log of a step' })) {
    if (entry.type === 'file' && entry.name.endsWith(`/${logFile}`))
      await writeLog(entry.content, file, redactor);
  }
}

/** A failed step whose output may be known in part only. */
export interface FailedStep {
  readonly vertex: string;
  readonly name: string;
  readonly tracker: StepTracker;
  /** What the daemon has kept of it. */
  readonly state: StepState | undefined;
  /** What it has kept itself, and the environment that it can be read in. */
  readonly kept: FailedLog;
  readonly base: State;
  readonly session: Pick<Attachables, 'localDirs' | 'contentStores'>;
}

/**
 * Writes the whole output of a failed step over what came through the status, where the daemon has left out a part.
 * When it cannot be had, that is told, and what came stays.
 */
export async function keepFailedLog(build: ArchitectureBuild, failed: FailedStep): Promise<void> {
  const { vertex, name, tracker, state } = failed;
  const file = tracker.logFile(vertex);
  if (file === undefined || !tracker.isClipped(vertex)) return;
  try {
    if (state === undefined) await takeKept(build, failed, file);
    else await readFromState(state, file, build.kernel.redactor);
  } catch (error) {
    build.signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    build.bus.emit({
      type: 'notice',
      level: 'warning',
      text: `the daemon left out a part of what "${name}" printed, and the whole cannot be read: ${why}`,
      architecture: build.architecture,
    });
  }
}

async function readFromState(state: StepState, file: string, redactor: Redactor): Promise<void> {
  const process = await state.exec({
    args: ['/bin/sh', '-c', `exec cat ${logFolder}/${logFile}`],
    user: '0:0',
  });
  process.stderr.resume();
  await writeLog(process.stdout as AsyncIterable<Uint8Array>, file, redactor, async () => {
    const code = await process.exited;
    if (code !== 0) throw new Error(`cat ended with exit code ${code}`);
  });
}

async function takeKept(
  { daemon, kernel, architecture, cacheDir, signal }: ArchitectureBuild,
  { base, kept, session }: FailedStep,
  file: string,
): Promise<void> {
  const { llb: caps } = await daemon.client.capabilities({ signal });
  await daemon.client.build({
    definition: definitionOf({ plan: { architecture }, caps }, takeFailedLog(base, kept, randomUUID())),
    session,
    sessionOptions: { cacheDir },
    exports: [{ kind: 'tar', output: (stream) => receiveLog(stream, file, kernel.redactor) }],
    signal,
  });
}

async function writeLog(
  content: AsyncIterable<Uint8Array>,
  file: string,
  redactor: Redactor,
  check?: () => Promise<void>,
): Promise<void> {
  const aside = `${file}.new`;
  try {
    await pipeline(content, redactStream(redactor), createWriteStream(aside));
    await check?.();
    await rename(aside, file);
  } finally {
    await rm(aside, { force: true });
  }
}
