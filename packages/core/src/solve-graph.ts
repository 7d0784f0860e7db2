import type { Redactor } from '@melange2/diagnostics';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { TarEntry } from '@melange2/apk';
import { type CacheEntry, type Gateway, isSolveError, type SolveError } from '@melange2/buildkit-client';
import { parseOwnerNames, type ReceivedTrees, receiveTrees } from '@melange2/packager';
import { type ArchitectureBuild, contextOf } from './architecture-build.ts';
import type { CacheBackend } from '@melange2/plugin-api';
import { openCacheDir } from './caches/cache-dir-writer.ts';
import { earlierTimes } from './records/earlier-times.ts';
import { whilePaused } from './event-bus.ts';
import { exportFailure } from './exports/export-failure.ts';
import { exportedPackages } from './export-state.ts';
import { findPackages } from './steps/find-packages.ts';
import type { LicenseReceiver } from './packages/license-files.ts';
import { entitlementsOf, type PlanContext, type PlannedGraph } from './plan-graph.ts';
import { redactStream } from './redact-stream.ts';
import { openPluginCaches } from './caches/plugin-caches.ts';
import { registryAdvice } from './caches/registry-advice.ts';
import { remoteCaches } from './caches/remote-caches.ts';
import { sessionOf } from './session-attachments.ts';
import { secondsOf, withoutSilentRegistries } from './caches/silent-registries.ts';
import { stallWatch } from './caches/stall-watch.ts';
import { stepFailure } from './steps/step-failure.ts';
import { stepLimits } from './steps/step-limits.ts';
import { keepFailedLog } from './steps/step-log.ts';
import { openFailedState, type StepState } from './steps/step-state.ts';
import { traceStep } from './steps/trace-step.ts';
import { withStepState } from './steps/with-step-state.ts';
import { stepTracker, type StepTracker } from './steps/step-tracker.ts';
import { tellCacheMounts } from './caches/tell-cache-mounts.ts';
import { withCacheExports } from './caches/with-cache-exports.ts';

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
  { environment, locked }: Pick<PlanContext, 'environment' | 'locked'>,
  licenses: LicenseReceiver,
): Promise<SolvedGraph> {
  const { kernel, request, architecture, daemon, bus, record } = build;
  const { plan, definition, known } = graph;
  const asked = await kernel.hooks.modifySolve.promise(
    {
      cacheImports: remoteCaches(request.cacheFrom ?? [], 'read', kernel),
      cacheExports: remoteCaches(request.cacheTo ?? [], 'write', kernel),
      entitlements: entitlementsOf(plan, definition),
    },
    contextOf(build),
  );
  const tracker = stepTracker({
    bus,
    architecture,
    known,
    logFile: (step, name) => record.logFile(step, name),
    expectedMs: await earlierTimes(kernel.host.env, plan.package, record.folder),
    onCacheUnread: (cache, why) => {
      void advise(why).then((advice) => warn(`The cache ${cache} was not read: ${why}${advice}`));
    },
  });
  const limits = stepLimits(build, known, tracker);
  const signal = AbortSignal.any([build.signal, limits.signal]);
  const mounts = { client: daemon.client, bus, plan, known, tracker, caps: graph.caps };
  const warn = (text: string): void => bus.emit({ type: 'notice', level: 'warning', text, architecture });
  const cacheDir = request.cacheDir === undefined ? undefined : await openCacheDir(request.cacheDir, warn);
  const session = sessionOf(kernel.hooks, kernel.redactor, kernel.host.env);
  const advise = (why: string): Promise<string> =>
    registryAdvice(why, async (host) => session.auth?.credentials(host), signal);
  if (asked.cacheExports.some(({ type }) => type === 'inline'))
    warn('The cache of type inline was not written: it lies in an image, and a build of packages makes none');
  const [imports, exports] = await Promise.all([
    withoutSilentRegistries(asked.cacheImports, signal),
    withoutSilentRegistries(
      asked.cacheExports.filter(({ type }) => type !== 'inline'),
      signal,
    ),
  ]);
  const silence = 'its registry takes connections and says nothing';
  for (const { attributes } of imports.silent)
    warn(`The cache ${attributes['ref']} was not read: ${silence}`);
  for (const { attributes } of exports.silent)
    warn(`The cache ${attributes['ref']} was not written: ${silence}`);
  const caches = await openPluginCaches({
    imports: imports.asked,
    exports: exports.asked,
    parent: record.folder,
    warn,
    signal,
  });
  let received: ReceivedTrees | undefined;
  let started = false;
  const stall = stallWatch(
    Math.max(...caches.exports.map(({ attributes }) => secondsOf(attributes['timeout'], 300)), 1) * 1000,
  );
  let traced: readonly string[] | undefined;
  const ask = async (cacheExports: readonly CacheBackend[]): Promise<unknown> =>
    daemon.client.build({
      definition,
      onFailure: async (failure, gateway) => {
        traced = await stepFailed(build, graph, tracker, failure, gateway);
      },
      session: { ...graph.session, ...session },
      sessionOptions: { cacheDir: build.cacheDir },
      entitlements: asked.entitlements,
      cacheImports: caches.imports.map(cacheEntryOf),
      cacheExports: cacheExports.map(cacheEntryOf),
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
                if ((await cacheDir?.receive(entry)) === true || entry.type !== 'file') return;
                if (!(await licenses.receive(entry))) await keepLog(entry, graph, tracker, kernel.redactor);
              },
              signal,
            });
            // From here on the daemon writes caches alone.
            if (cacheExports.length > 0) stall.touch();
          },
        },
      ],
      onEvent: (event) => {
        started = true;
        if (received !== undefined && cacheExports.length > 0) stall.touch();
        tracker.receive(event);
        limits.receive(event);
      },
      signal: AbortSignal.any([signal, stall.signal]),
    });
  try {
    await withCacheExports(caches.exports, {
      ask,
      isReceived: () => received !== undefined,
      isStarted: () => started,
      stalled: stall.signal,
      onNotWritten: async (why, type) => {
        const which = type === undefined ? '' : ` of type ${type}`;
        warn(`The build's cache${which} was not written: ${why}${await advise(why)}`);
      },
    });
    await caches.save();
  } catch (error) {
    await received?.close();
    if (!signal.aborted) await tellCacheMounts(mounts, AbortSignal.timeout(failedTellMs));
    if (isSolveError(error))
      throw await stepFailure(error, {
        package: plan.package,
        architecture,
        known,
        tracker,
        findPackages: (missing) => findPackages(build, locked, missing),
        memory: graph.lowerOptions.resources?.memory,
        traced,
      });
    throw error;
  } finally {
    limits.close();
    stall.stop();
    await caches.close();
  }
  if (received === undefined) throw new Error(`the daemon sent nothing back for ${request.file}`);
  return { trees: received, cacheMounts: tellCacheMounts(mounts, signal) };
}

/** A cache as the daemon is told of it: how long it may be silent is the client's affair. */
export function cacheEntryOf({ type, attributes: { timeout: _, ...attrs } }: CacheBackend): CacheEntry {
  return { type, attrs };
}

/** How long a failed build waits for what the daemon says of cache mounts. */
const failedTellMs = 1000;

/** How long the status may take to name the step that failed, on daemons whose failures do not. */
export const namedWithinMs = 3000;

/**
 * What is done in a failed build while its states are still there: its whole log, a shell, an export, a trace, whose last
 * lines come back.
 */
async function stepFailed(
  build: ArchitectureBuild,
  graph: PlannedGraph,
  tracker: StepTracker,
  failure: SolveError,
  gateway: Gateway,
): Promise<readonly string[] | undefined> {
  const { request, architecture } = build;
  const digest = failure.details.vertex?.digest ?? (await tracker.failed(namedWithinMs));
  const facts = digest === undefined ? undefined : graph.known.get(digest);
  const step = facts?.step;
  if (step === undefined || digest === undefined) return undefined;
  // A download of the daemon's own: there is no command whose state could be opened.
  if (facts?.kind === 'source' && failure.details.exitCode === undefined) return undefined;
  const state = await openFailedState(failure, gateway, step, architecture);
  await keepFailedLog(build, {
    vertex: digest,
    name: step.name,
    tracker,
    state,
    kept: { architecture, step: step.id, user: step.user },
    base: graph.lowerOptions.base,
    session: graph.session,
  });
  const { onFailedStep } = request;
  if (onFailedStep !== undefined && (await whilePaused(build.bus, () => onFailedStep.wanted(step)))) {
    const enter = (opened: StepState): Promise<void> => onFailedStep.enter(opened);
    if (state === undefined) await withStepState(build, graph, step, 'failed', enter, graph.known);
    else await whilePaused(build.bus, () => enter(state));
  }
  await exportFailure(build, graph, step, failure, gateway);
  const file = request.debug ? await traceStep(build, graph, step) : undefined;
  return file === undefined ? undefined : (await readFile(file, 'utf8')).trimEnd().split('\n').slice(-40);
}

/** Writes the whole output of a step, cached ones too, over what came through the status, which the daemon may clip. */
async function keepLog(
  entry: TarEntry,
  graph: PlannedGraph,
  tracker: StepTracker,
  redactor: Redactor,
): Promise<void> {
  const number = /^(?:\.?\/)?logs\/(\d+)$/.exec(entry.name)?.[1];
  const step = number === undefined ? undefined : graph.plan.steps[Number(number)];
  const vertex = [...graph.known].find(([, facts]) => facts.step === step && facts.kind === 'command')?.[0];
  const file = vertex === undefined ? undefined : tracker.logFile(vertex);
  if (file === undefined) return;
  await pipeline(entry.content, redactStream(redactor), createWriteStream(file));
}
