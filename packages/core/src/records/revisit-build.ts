import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildError } from '@melange2/diagnostics';
import { openTransport } from '@melange2/environment';
import type { PlannedStep } from '@melange2/pipeline';
import type { ArchitectureBuild } from '../architecture-build.ts';
import { prepareArchitecture } from '../build-architecture.ts';
import { connectDaemon } from '../build-packages.ts';
import { keptBuildFile } from './build-record.ts';
import { shortError } from '../short-error.ts';
import { cacheFolder } from '../caches/cache-folder.ts';
import { compileBuild } from '../build-file/compile-build.ts';
import { errors } from '../errors.ts';
import { eventBus } from '../event-bus.ts';
import { httpCredentials } from '../http-credentials.ts';
import type { Kernel } from '../kernel.ts';
import type { PlannedGraph } from '../plan-graph.ts';
import { readInputs } from '../build-file/read-inputs.ts';
import { failedStep, findStep, type RecordedBuild, type RecordedStep, recordFolder } from './read-records.ts';
import { stageClock } from '../stage-clock.ts';
import type { StepState } from '../steps/step-state.ts';
import { traceStep } from '../steps/trace-step.ts';
import { withStepState } from '../steps/with-step-state.ts';

/** Which step of an earlier build is opened again. */
export interface StepQuery {
  readonly record: RecordedBuild;
  /** Name of the step or a part of it; default: the one that failed, else the last. */
  readonly step?: string;
  /** The daemon; default: the one of the record. */
  readonly address?: string;
}

/**
 * Opens the files around a step of an earlier build, for as long as `use` takes: after the command that failed, or after
 * the step, or before it.
 *
 * The build is planned again from its record. What the daemon still has is not run again; a build whose sources or
 * repositories have changed since runs from the first step that they change.
 *
 * @throws {BuildError} RECORD_NOT_FOUND, RECORD_INCOMPLETE, DAEMON_NOT_FOUND, as the stages of a build do
 */
export function withRecordedState<T>(
  kernel: Kernel,
  query: StepQuery & { readonly before: boolean },
  signal: AbortSignal,
  use: (state: StepState) => Promise<T>,
): Promise<T> {
  return revisitStep(kernel, query, signal, (build, graph, step, recorded) => {
    const hasFailed = failedStep(query.record)?.id === recorded.id;
    return withStepState(build, graph, step, query.before ? 'before' : hasFailed ? 'failed' : 'after', use);
  });
}

/**
 * Runs a step of an earlier build once more, with each command printed before it runs; the path of the file with what
 * it printed comes back.
 *
 * @throws {BuildError} as {@link withRecordedState}
 */
export function traceRecordedStep(kernel: Kernel, query: StepQuery, signal: AbortSignal): Promise<string> {
  return revisitStep(kernel, query, signal, async (build, graph, step) => {
    const file = await traceStep(build, graph, step);
    if (file === undefined) throw noStep(query.record, step.name);
    return file;
  });
}

async function revisitStep<T>(
  kernel: Kernel,
  { record, step: wanted, address }: StepQuery,
  signal: AbortSignal,
  use: (
    build: ArchitectureBuild,
    graph: PlannedGraph,
    step: PlannedStep,
    recorded: RecordedStep,
  ) => Promise<T>,
): Promise<T> {
  const recorded = findStep(record, wanted);
  const { host, hooks } = kernel;
  const folder = recordFolder(host.env, record);
  const text = await readFile(join(folder, keptBuildFile), 'utf8').catch(() => undefined);
  const { request: asked } = record;
  const architecture = recorded.architecture ?? record.architectures?.[0];
  if (text === undefined || asked === undefined || architecture === undefined) {
    throw buildError(errors, 'RECORD_INCOMPLETE', { build: record.id });
  }
  const to = address ?? record.daemon;
  const request = { ...asked, ...(to === undefined ? {} : { address: to }) };
  const bus = eventBus(hooks, host.now, kernel.redactor, (error) =>
    bus.emit({ type: 'notice', level: 'warning', text: `a plugin was switched off: ${shortError(error)}` }),
  );
  const stages = stageClock(bus, host.now, undefined);
  const inputs = await readInputs(request, host, text);
  const compiled = await compileBuild(kernel, request, inputs, [architecture], bus);
  const daemon = await stages.run('connect', {}, () => connectDaemon(kernel, request, bus, signal));
  const transport = openTransport({ credentials: httpCredentials(host.env) });
  try {
    const build: ArchitectureBuild = {
      kernel,
      request,
      inputs,
      compiled,
      architecture,
      daemon,
      transport,
      bus,
      stages,
      record: { folder, logFile: (_, name) => logFileOf(record, folder, recorded, name) },
      startedMs: record.startedMs ?? host.now(),
      cacheDir: request.apkCacheDir ?? cacheFolder(host.env),
      signal,
    };
    const { graph } = await prepareArchitecture(build);
    return await use(build, graph, plannedStep(graph, record, recorded), recorded);
  } finally {
    await transport.close();
    await daemon.close();
  }
}

function plannedStep(graph: PlannedGraph, record: RecordedBuild, recorded: RecordedStep): PlannedStep {
  const { planned } = recorded;
  const step = graph.plan.steps.find(({ id, name, package: owner }) =>
    planned === undefined ? name === recorded.name && owner === recorded.package : id === planned,
  );
  if (step === undefined) throw noStep(record, recorded.name);
  return step;
}

function noStep({ id }: RecordedBuild, name: string): Error {
  return buildError(errors, 'RECORD_NOT_FOUND', { what: `a command "${name}" in ${id}` });
}

function logFileOf({ steps }: RecordedBuild, folder: string, recorded: RecordedStep, name: string): string {
  const known = recorded.name === name ? recorded : steps.find((step) => step.name === name);
  return known?.logFile ?? join(folder, 'logs', `${name.replaceAll(/[^A-Za-z0-9._+-]+/g, '-')}.log`);
}
