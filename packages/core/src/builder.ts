import { redactor } from '@melange2/diagnostics';
import { type BuildHooks, createBuildHooks, type Plugin } from '@melange2/plugin-api';
import type { PackageWritten } from '@melange2/progress';
import { applyPlugins } from './plugins/apply-plugins.ts';
import { buildPackages, drawGraphs, exportFiles, testPackages } from './build-packages.ts';
import { callAll } from './plugins/call-all.ts';
import type { Exported, ExportTarget } from '@melange2/exporters';
import type { BuildRequest, Host } from './build-request.ts';
import type { ExportedMoment } from './exports/export-architecture.ts';
import type { DrawnGraph, GraphForm } from './build-file/draw-graph.ts';
import type { Kernel } from './kernel.ts';
import { type StepQuery, traceRecordedStep, withRecordedState } from './records/revisit-build.ts';
import type { StepState } from './steps/step-state.ts';
import type { PassedTest } from './test-architecture.ts';

export interface BuilderOptions {
  /** Applied in this order. */
  readonly plugins: readonly Plugin[];
  readonly host: Host;
}

/** What a build made. */
export interface BuildResult {
  readonly packages: readonly PackageWritten[];
  /** The folder with the record and the whole logs of the build. */
  readonly recordFolder: string;
}

/** What tests found out. */
export interface TestResult {
  readonly passed: readonly PassedTest[];
  /** The folder with the record and the whole logs. */
  readonly recordFolder: string;
}

/** Builds packages. Made once for a run of the program; closed at its end. */
export interface Builder {
  readonly hooks: BuildHooks;
  /**
   * Builds the packages of one build file, for each architecture asked for.
   *
   * Aborting stops the daemon's work too, and leaves nothing half-written.
   *
   * @throws {BuildError} BUILD_FILE_INVALID, BUILD_STEP_FAILED, DAEMON_NOT_FOUND, … ; the signal's reason when aborted
   */
  build(request: BuildRequest, signal: AbortSignal): Promise<BuildResult>;
  /**
   * Runs the tests of one build file, on packages that are in the repositories of the request.
   *
   * @throws {BuildError} as `build` does
   */
  test(request: BuildRequest, signal: AbortSignal): Promise<TestResult>;
  /**
   * Exports the files of a build, without making packages: its environment, or what all of its steps have left.
   *
   * The request has to be for one architecture.
   *
   * @throws {BuildError} EXPORT_…, and as `build` does
   */
  export(
    request: BuildRequest,
    what: { readonly moment: ExportedMoment; readonly target: ExportTarget },
    signal: AbortSignal,
  ): Promise<readonly Exported[]>;
  /**
   * Draws the graphs of a build, one for each architecture, and builds nothing. They are made for the daemon at hand:
   * what it lacks is done in another way.
   *
   * @throws {BuildError} as `build` does
   */
  draw(request: BuildRequest, form: GraphForm, signal: AbortSignal): Promise<readonly DrawnGraph[]>;
  /**
   * Opens the files around a step of an earlier build, for as long as `use` takes.
   *
   * @throws {BuildError} RECORD_NOT_FOUND, RECORD_INCOMPLETE, and as `build` does
   */
  withState<T>(
    query: StepQuery & { readonly before: boolean },
    signal: AbortSignal,
    use: (state: StepState) => Promise<T>,
  ): Promise<T>;
  /**
   * Runs a step of an earlier build once more, each command printed before it runs; the file with the output comes back.
   *
   * @throws {BuildError} as `withState` does
   */
  trace(query: StepQuery, signal: AbortSignal): Promise<string>;
  /** Tells the plugins that it is over. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Makes a builder and applies its plugins.
 *
 * @throws {BuildError} PLUGIN_API_MISMATCH, PLUGIN_INVALID or PLUGIN_DUPLICATE
 */
export function createBuilder({ plugins, host }: BuilderOptions): Builder {
  const hooks = createBuildHooks();
  applyPlugins(hooks, plugins);
  const kernel: Kernel = { hooks, host, redactor: redactor(secretsOf(host.env)) };
  hooks.initialized.call({ version: host.version });
  let closed = false;
  return {
    hooks,
    build: (request, signal) => buildPackages(kernel, request, signal),
    test: (request, signal) => testPackages(kernel, request, signal),
    export: (request, what, signal) => exportFiles(kernel, request, what, signal),
    draw: (request, form, signal) => drawGraphs(kernel, request, form, signal),
    withState: (query, signal, use) => withRecordedState(kernel, query, signal, use),
    trace: (query, signal) => traceRecordedStep(kernel, query, signal),
    async close() {
      if (closed) return;
      closed = true;
      await callAll('closed', hooks.closed, []);
    },
  };
}

/** Values of variables that are secrets by their names; they are removed from whatever a build prints. */
function secretsOf(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    if (
      value === undefined ||
      !/(TOKEN|SECRET|PASSWORD|PASSPHRASE|CREDENTIAL|HTTP_AUTH|API_KEY|PRIVATE_KEY)/i.test(name)
    ) {
      return [];
    }
    // basic:REALM:USER:PASS hides its password alone, too.
    return name === 'HTTP_AUTH' ? [value, value.split(':').slice(3).join(':')] : [value];
  });
}
