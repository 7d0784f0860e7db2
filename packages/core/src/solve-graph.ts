import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { TarEntry } from '@melange2/apk';
import { type Gateway, isSolveError, type SolveError } from '@melange2/buildkit-client';
import type { Environment } from '@melange2/environment';
import { parseOwnerNames, type ReceivedTrees, receiveTrees } from '@melange2/packager';
import { type ArchitectureBuild, contextOf } from './architecture-build.ts';
import type { CacheBackend } from '@melange2/plugin-api';
import { logFile, logFolder } from '@melange2/pipeline';
import { exportFailure } from './export-failure.ts';
import { exportedPackages } from './export-state.ts';
import { type FailedState, openFailedState } from './failed-state.ts';
import type { LicenseReceiver } from './license-files.ts';
import type { PlannedGraph } from './plan-graph.ts';
import { remoteCaches } from './remote-caches.ts';
import { sessionOf } from './session-attachments.ts';
import { stepFailure } from './step-failure.ts';
import { stepTracker, type StepTracker } from './step-tracker.ts';
import { tellCacheMounts } from './tell-cache-mounts.ts';
import { withCacheExports } from './with-cache-exports.ts';

/** What a solve left behind. */
export interface SolvedGraph {
  readonly trees: ReceivedTrees;
  /** Settles when the cache mounts that were used have been told of. Never rejects. */
  readonly cacheMounts: Promise<void>;
}

/**
 * Has the daemon do the build and receives what it left behind.
 *
 * @throws {BuildError} BUILD_STEP_FAILED, BUILD_SOLVE_FAILED, those of the client; the signal's reason when aborted
 */
export async function solveGraph(
  build: ArchitectureBuild,
  graph: PlannedGraph,
  environment: Environment,
  licenses: LicenseReceiver,
): Promise<SolvedGraph> {
  const { kernel, request, architecture, daemon, bus, record, signal } = build;
  const { plan, definition, known } = graph;
  const host = [...definition.metadata.values()].some((m) => m.caps.has('exec.meta.network'));
  const asked = await kernel.hooks.modifySolve.promise(
    {
      cacheImports: remoteCaches(request.cacheFrom ?? [], 'read', kernel),
      cacheExports: remoteCaches(request.cacheTo ?? [], 'write', kernel),
      entitlements: host && plan.steps.some((s) => s.network === 'host') ? ['network.host'] : [],
    },
    contextOf(build),
  );
  const tracker = stepTracker({
    bus,
    architecture,
    known,
    logFile: (step, name) => record.logFile(step, name),
  });
  const mounts = { client: daemon.client, bus, plan, known, tracker, caps: graph.caps };
  let received: ReceivedTrees | undefined;
  let started = false;
  const ask = async (cacheExports: readonly CacheBackend[]): Promise<unknown> =>
    daemon.client.build({
      definition,
      onFailure: (failure, gateway) => stepFailed(build, graph, tracker, failure, gateway),
      session: { ...graph.session, ...sessionOf(kernel.hooks, kernel.redactor, kernel.host.env) },
      sessionOptions: { cacheDir: build.cacheDir },
      entitlements: asked.entitlements,
      cacheImports: asked.cacheImports.map(({ type, attributes }) => ({ type, attrs: attributes })),
      cacheExports: cacheExports.map(({ type, attributes }) => ({ type, attrs: attributes })),
      exports: [
        {
          kind: 'tar',
          output: async (stream) => {
            received = await receiveTrees(stream, {
              packages: plan.outputs,
              spoolDir: record.folder,
              prefix: exportedPackages,
              buildUser: plan.user,
              owners: parseOwnerNames(environment.passwd, environment.group),
              onOther: async (entry) => {
                if (!(await licenses.receive(entry))) await keepLog(entry, graph, tracker);
              },
              signal,
            });
          },
        },
      ],
      onEvent: (event) => {
        started = true;
        tracker.receive(event);
      },
      signal,
    });
  try {
    await withCacheExports(asked.cacheExports, {
      ask,
      isReceived: () => received !== undefined,
      isStarted: () => started,
      onNotWritten: (why, type) =>
        bus.emit({
          type: 'notice',
          level: 'warning',
          text: `The build's cache${type === undefined ? '' : ` of type ${type}`} was not written: ${why}`,
          architecture,
        }),
    });
  } catch (error) {
    await received?.close();
    if (!signal.aborted) await tellCacheMounts(mounts, AbortSignal.timeout(failedTellMs));
    if (isSolveError(error))
      throw stepFailure(error, { package: plan.package, architecture, known, tracker });
    throw error;
  }
  if (received === undefined) throw new Error(`the daemon sent nothing back for ${request.file}`);
  return { trees: received, cacheMounts: tellCacheMounts(mounts, signal) };
}

/** How long a failed build waits for what the daemon says of cache mounts. */
const failedTellMs = 1000;

/** What is done in a failed build while its states are still there: its whole log, a shell, an export. */
async function stepFailed(
  build: ArchitectureBuild,
  graph: PlannedGraph,
  tracker: StepTracker,
  failure: SolveError,
  gateway: Gateway,
): Promise<void> {
  const { request, architecture } = build;
  const digest = failure.details.vertex?.digest ?? tracker.failed();
  const step = digest === undefined ? undefined : graph.known.get(digest)?.step;
  if (step === undefined || digest === undefined) return;
  const clipped = tracker.isClipped(digest);
  if (clipped || request.onFailedStep !== undefined) {
    const state = await openFailedState(failure, gateway, step, architecture);
    if (state !== undefined) {
      const file = tracker.logFile(digest);
      if (clipped && file !== undefined) await keepWholeLog(state, file);
      await request.onFailedStep?.(state);
    }
  }
  await exportFailure(build, graph, step, failure, gateway);
}

/** Reads the whole output of a failed step out of its state. What the daemon sent before stays when that fails. */
async function keepWholeLog(state: FailedState, file: string): Promise<void> {
  const process = await state.exec({
    args: ['/bin/sh', '-c', `exec cat ${logFolder}/${logFile}`],
    user: '0:0',
  });
  process.stderr.resume();
  await pipeline(process.stdout, createWriteStream(`${file}.whole`));
  if ((await process.exited) === 0) await rename(`${file}.whole`, file);
  else await rm(`${file}.whole`, { force: true });
}

/** Writes the whole output of a step, cached ones too, over what came through the status, which the daemon may clip. */
async function keepLog(entry: TarEntry, graph: PlannedGraph, tracker: StepTracker): Promise<void> {
  const number = /^(?:\.?\/)?logs\/(\d+)$/.exec(entry.name)?.[1];
  const step = number === undefined ? undefined : graph.plan.steps[Number(number)];
  const vertex = [...graph.known].find(([, facts]) => facts.step === step && facts.kind === 'command')?.[0];
  const file = vertex === undefined ? undefined : tracker.logFile(vertex);
  if (file === undefined) return;
  await pipeline(entry.content, createWriteStream(file));
}
