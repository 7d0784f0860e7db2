import { homedir } from 'node:os';
import { findDaemon, type FoundDaemon } from '@melange2/daemon';
import { buildError, type BuildError, type Diagnostic, isBuildError } from '@melange2/diagnostics';
import { openTransport } from '@melange2/environment';
import type { Exported, ExportTarget } from '@melange2/exporters';
import { type BuildOutcome, formatDuration, type PackageWritten } from '@melange2/progress';
import { buildArchitectures } from './architectures.ts';
import type { ArchitectureBuild } from './architecture-build.ts';
import { buildArchitecture, prepareArchitecture } from './build-architecture.ts';
import { openBuildRecord, stateFolder, unwritable } from './records/build-record.ts';
import type { BuildRequest } from './build-request.ts';
import type { BuildResult, TestResult } from './builder.ts';
import { errorLines, shortError } from './short-error.ts';
import { callAll } from './plugins/call-all.ts';
import { cacheFolder } from './caches/cache-folder.ts';
import { checkLinterNames } from './packages/check-packages.ts';
import { compileBuild } from './build-file/compile-build.ts';
import { drawGraph, type DrawnGraph, type GraphForm } from './build-file/draw-graph.ts';
import { errors } from './errors.ts';
import { readCacheSpecs } from './caches/remote-caches.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';
import { eventBus, type EventBus } from './event-bus.ts';
import { exportArchitecture, type ExportedMoment } from './exports/export-architecture.ts';
import { httpCredentials } from './http-credentials.ts';
import type { Kernel } from './kernel.ts';
import { readInputs } from './build-file/read-inputs.ts';
import { redactError } from './redact-error.ts';
import { readSigningKey } from './packages/signing.ts';
import { runningSteps } from './steps/running-steps.ts';
import { stageClock } from './stage-clock.ts';
import { testArchitecture } from './test-architecture.ts';

/** Builds the packages of a build file. */
export async function buildPackages(
  kernel: Kernel,
  request: BuildRequest,
  signal: AbortSignal,
): Promise<BuildResult> {
  const { results, recordFolder } = await runBuild(kernel, request, signal, buildArchitecture);
  return { packages: results.flat(), recordFolder };
}

/** Runs the tests of a build file. */
export async function testPackages(
  kernel: Kernel,
  request: BuildRequest,
  signal: AbortSignal,
): Promise<TestResult> {
  const { results, recordFolder } = await runBuild(kernel, request, signal, testArchitecture);
  return { passed: results.flat(), recordFolder };
}

/** Exports the files of a build; one architecture at a time, since a target takes one. */
export async function exportFiles(
  kernel: Kernel,
  request: BuildRequest,
  what: { readonly moment: ExportedMoment; readonly target: ExportTarget },
  signal: AbortSignal,
): Promise<readonly Exported[]> {
  const { results } = await runBuild(kernel, request, signal, (build) =>
    exportArchitecture(build, what.moment, what.target),
  );
  return results;
}

/** Draws the graphs that a daemon would be given, without giving them to it. */
export async function drawGraphs(
  kernel: Kernel,
  request: BuildRequest,
  form: GraphForm,
  signal: AbortSignal,
): Promise<readonly DrawnGraph[]> {
  const { results } = await runBuild(kernel, request, signal, async (build) => {
    // A graph that is drawn is compared with others.
    const { graph } = await prepareArchitecture(build, 'drawn');
    return { architecture: build.architecture, text: drawGraph(graph.definition, form) };
  });
  return results;
}

/** The life of a build: read, compile, connect, then each architecture by itself, all at once. */
async function runBuild<T>(
  kernel: Kernel,
  request: BuildRequest,
  signal: AbortSignal,
  work: (build: ArchitectureBuild) => Promise<T>,
): Promise<{ readonly results: readonly T[]; readonly recordFolder: string }> {
  const { hooks, host } = kernel;
  const startedMs = host.now();
  const bus = eventBus(hooks, host.now, kernel.redactor, (error) =>
    bus.emit({ type: 'notice', level: 'warning', text: `a plugin was switched off: ${shortError(error)}` }),
  );
  const stages = stageClock(bus, host.now, request.traceFile);
  const packages: PackageWritten[] = [];
  const results: T[] = [];
  const running = runningSteps();
  let outcome: BuildOutcome = 'failed';
  let failure: unknown;
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  // The daemon is looked for while the file is read; a mistake in the file is told first all the same.
  const connecting = stages.run('connect', {}, () => connectDaemon(kernel, request, bus, both));
  connecting.catch(() => {});
  let record: ReturnType<typeof openBuildRecord> | undefined;
  let unrecorded: unknown;
  try {
    checkLinterNames(request, hooks);
    // These are needed later, but what is wrong with them is told before anything is waited for.
    sourceDateEpoch(request.buildDate, host.env);
    readCacheSpecs([...(request.cacheFrom ?? []), ...(request.cacheTo ?? [])], kernel);
    const inputs = await stages.run('read', {}, () => readInputs(request, host));
    const key =
      request.signingKey === undefined ? undefined : await readSigningKey(request.signingKey, host.env);
    const wanted = buildArchitectures(request.architectures, process.arch);
    const compiled = await stages.run('compile', {}, () =>
      compileBuild(kernel, request, inputs, wanted, bus),
    );
    const { name, version, epoch } = compiled.config.package;
    record = openBuildRecord(stateFolder(host.env), name, startedMs);
    const open = record;
    record.keep({ request, cwd: host.cwd, text: inputs.text });
    hooks.eventReceived.tap('@melange2/core', (event) => {
      try {
        if (unrecorded === undefined) open.receive(event);
      } catch (cause) {
        // A log that cannot be written is no reason to give up what is built; it is told at the end.
        unrecorded = unwritable(open.folder, cause);
      }
      running.receive(event);
      if (event.type === 'packageWritten') packages.push(event);
    });
    const names = [...compiled.packages.keys()];
    bus.emit({
      type: 'buildStarted',
      build: record.id,
      file: request.file,
      package: `${name}-${version}-r${epoch}`,
      architectures: names,
    });
    if (names.length === 0) {
      bus.emit({
        type: 'notice',
        level: 'warning',
        text: 'target-architecture and --arch do not overlap: nothing to build',
      });
    } else {
      const limitMs = request.timeoutMs ?? Number(compiled.config.package.timeoutNs / 1_000_000n);
      const timer = limitMs > 0 ? AbortSignal.timeout(limitMs) : undefined;
      let runningThen: readonly string[] = [];
      // Later they are stopped, and nobody knows which they were.
      timer?.addEventListener('abort', () => (runningThen = running.names()));
      const limited = timer === undefined ? both : AbortSignal.any([both, timer]);
      const transport = openTransport({ credentials: httpCredentials(host.env) });
      try {
        const daemon = await connecting;
        const settled = await Promise.allSettled(
          names.map((architecture) =>
            work({
              kernel,
              request,
              inputs,
              compiled,
              architecture,
              daemon,
              transport,
              bus,
              stages,
              record: open,
              cacheDir: request.apkCacheDir ?? cacheFolder(host.env),
              startedMs,
              signal: limited,
              ...(key === undefined ? {} : { key }),
            }),
          ),
        );
        for (const result of settled) if (result.status === 'fulfilled') results.push(result.value);
        const failed = settled.find((r) => r.status === 'rejected');
        if (failed !== undefined) {
          throw limited.aborted && !both.aborted
            ? timedOut(limitMs, runningThen, failed.reason)
            : failed.reason;
        }
      } finally {
        await transport.close();
      }
    }
    outcome = 'succeeded';
    return { results, recordFolder: record.folder };
  } catch (error) {
    failure = redactError(error, kernel.redactor);
    outcome = signal.aborted ? 'canceled' : 'failed';
    throw signal.aborted ? signal.reason : failure;
  } finally {
    stop.abort(new Error('the build is over'));
    await connecting.then(
      (daemon) => daemon.close(),
      () => {},
    );
    try {
      record?.close(outcome);
    } catch (cause) {
      unrecorded ??= unwritable(record?.folder ?? '', cause);
    }
    if (unrecorded !== undefined && outcome === 'succeeded') {
      bus.emit({ type: 'notice', level: 'warning', text: shortError(unrecorded) });
    }
    const durationMs = host.now() - startedMs;
    bus.emit({
      type: 'buildFinished',
      outcome,
      durationMs,
      ...(record === undefined ? {} : { logs: record.folder }),
      ...(isBuildError(failure) && outcome === 'failed' ? { failure: problemOf(failure) } : {}),
    });
    const summary = { outcome, durationMs, packages, ...(failure === undefined ? {} : { error: failure }) };
    await callAll('buildFinished', hooks.buildFinished, [summary]).catch((error: unknown) => {
      if (outcome === 'succeeded') throw error;
      // The build has failed for another reason, which is the one to tell as the error.
      for (const text of errorLines(error)) bus.emit({ type: 'notice', level: 'warning', text });
    });
  }
}

/** Finds the daemon of a build and tells of it. */
export async function connectDaemon(
  kernel: Kernel,
  request: Pick<BuildRequest, 'address'>,
  bus: EventBus,
  signal: AbortSignal,
): Promise<FoundDaemon> {
  const { env } = kernel.host;
  const daemon = await findDaemon({
    environment: { variables: env, home: env['HOME'] ?? homedir() },
    onProgress: (text) => bus.emit({ type: 'notice', level: 'info', text }),
    signal,
    ...(request.address === undefined ? {} : { address: request.address }),
  });
  bus.emit({ type: 'daemonFound', address: daemon.address, how: daemon.origin });
  return daemon;
}

function problemOf({ code, message, hint, diagnostics: [first], ...error }: BuildError): Diagnostic {
  const span = error.span ?? first?.span;
  return {
    code,
    severity: 'error',
    message,
    ...(span === undefined ? {} : { span }),
    ...(hint === undefined ? {} : { hint }),
  };
}

function timedOut(limitMs: number, running: readonly string[], cause: unknown): unknown {
  if (isBuildError(cause) && cause.code !== 'BUILD_STEP_FAILED' && cause.code !== 'BUILD_SOLVE_FAILED')
    return cause;
  return buildError(errors, 'BUILD_TIMED_OUT', { limit: formatDuration(limitMs), running }, { cause });
}
