import { randomUUID } from 'node:crypto';
import { type Gateway, isSolveError, type SolveError } from '@melange2/buildkit-client';
import { assemble } from '@melange2/environment';
import { lowerTest, planTests, type TestPlan } from '@melange2/pipeline';
import { type ArchitectureBuild, compiledOf, contextOf } from './architecture-build.ts';
import { environmentSettings } from './build-file/environment-settings.ts';
import { testVertices } from './export-state.ts';
import { findPackages } from './steps/find-packages.ts';
import { definitionOf, entitlementsOf, invalidPlan, networkOf, withStepNetworks } from './plan-graph.ts';
import { resolveEnvironment } from './resolve-environment.ts';
import { sessionOf } from './session-attachments.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';
import { sourceFolder } from './build-file/source-folders.ts';
import { openPluginCaches } from './caches/plugin-caches.ts';
import { cacheEntryOf, namedWithinMs } from './solve-graph.ts';
import { stepFailure } from './steps/step-failure.ts';
import { tellKeptCapabilities } from './steps/kept-capabilities.ts';
import { stepLimits, tellUnknownSteps } from './steps/step-limits.ts';
import { keepFailedLog, needsFailedLogs, receiveLog } from './steps/step-log.ts';
import { openFailedState } from './steps/step-state.ts';
import { stepResources } from './steps/step-resources.ts';
import { stepTracker } from './steps/step-tracker.ts';

/** One test that passed. */
export interface PassedTest {
  readonly package: string;
  readonly architecture: string;
}

/**
 * Runs the tests of a build file for one architecture: the main package's, then each subpackage's, each in an
 * environment of its own with the package under test installed.
 *
 * All tests run, also behind one that fails; the first failure is thrown at the end.
 *
 * @throws {BuildError} BUILD_STEP_FAILED, and as the stages do; the signal's reason when aborted
 */
export async function testArchitecture(build: ArchitectureBuild): Promise<readonly PassedTest[]> {
  const { request, kernel, daemon, architecture, signal } = build;
  const epoch = sourceDateEpoch(request.buildDate, kernel.host.env);
  const planned = planTests(compiledOf(build), {
    sourceDateEpoch: epoch,
    network: networkOf(request, daemon),
    insecure: request.allowInsecure ?? false,
  });
  if (planned.value === undefined) throw invalidPlan(request.file, planned.diagnostics);
  tellUnknownSteps(
    build,
    planned.value.flatMap(({ steps }) => steps),
  );
  const passed: PassedTest[] = [];
  const failures: unknown[] = [];
  for (const plan of planned.value) {
    try {
      await runTest(build, plan, epoch);
      passed.push({ package: plan.package, architecture });
    } catch (error) {
      if (signal.aborted) throw error;
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return passed;
}

async function runTest(build: ArchitectureBuild, planned: TestPlan, epoch: number): Promise<void> {
  const { kernel, request, inputs, architecture, daemon, stages, bus, record } = build;
  const { hooks } = kernel;
  const of = { architecture, detail: () => planned.package };
  const { placeOfPackage } = planned;
  const { contents } = planned.environment;
  const main = compiledOf(build).config.package.name;
  const { packageUnderTest } = request;
  const packages =
    packageUnderTest === undefined || planned.package !== main
      ? contents.packages
      : [...contents.packages.filter((name) => name !== main), packageUnderTest];
  const locked = await stages.run('resolve', of, () =>
    resolveEnvironment(build, { name: planned.package, contents, packages, placeOfPackage, tested: true }),
  );
  const can = await daemon.client.capabilities({ signal: build.signal });
  const { llb: caps } = can;
  const environment = await stages.run('assemble', of, () =>
    assemble(locked, {
      ...environmentSettings(planned.environment),
      cacheDir: build.cacheDir,
      transport: build.transport,
      caps,
      signal: build.signal,
    }),
  );
  const plan = modifiedPlan(build, planned);
  const source = sourceFolder(request, inputs, main, randomUUID(), kernel.host);
  const { sources } = compiledOf(build);
  const { resources } = stepResources(build, caps);
  tellKeptCapabilities(build, plan.steps, environment);
  const lowered = lowerTest(plan, {
    base: environment.state,
    sourceDateEpoch: epoch,
    trace: request.debug,
    ...(resources === undefined ? {} : { resources }),
    capabilityTool: environment.capabilityTool,
    failedLogs: needsFailedLogs(can),
    readSource: (file) => (file === request.file ? inputs.text : sources.get(file)),
    ...(source === undefined ? {} : { source: source.state }),
  });
  const definition = definitionOf({ plan, caps }, lowered.log);
  hooks.definitionReady.call(definition, contextOf(build));
  const known = testVertices(definition, plan);
  const tracker = stepTracker({
    bus,
    architecture,
    known,
    logFile: (step, name) => record.logFile(step, name),
  });
  const limits = stepLimits(build, known, tracker);
  const signal = AbortSignal.any([build.signal, limits.signal]);
  const { attachables } = environment;
  const session = {
    localDirs: { ...attachables.localDirs, ...source?.dirs },
    ...(attachables.contentStores === undefined ? {} : { contentStores: attachables.contentStores }),
  };
  const [vertex] = [...known].find(([, { steps }]) => steps !== undefined) ?? [];
  const keepLog = async (failure: SolveError, gateway: Gateway): Promise<void> => {
    const [step] = plan.steps;
    const failed = failure.details.vertex?.digest ?? (await tracker.failed(namedWithinMs));
    if (vertex === undefined || step === undefined || failed !== vertex) return;
    await keepFailedLog(build, {
      vertex,
      name: `test ${plan.package}`,
      tracker,
      state: await openFailedState(failure, gateway, step, architecture),
      kept: { architecture, step: `test:${plan.package}`, user: plan.user },
      base: environment.state,
      session,
    });
  };
  await stages.run('solve', of, async () => {
    const asked = await hooks.modifySolve.promise(
      { cacheImports: [], cacheExports: [], entitlements: entitlementsOf(plan, definition) },
      contextOf(build),
    );
    const caches = await openPluginCaches({
      imports: asked.cacheImports,
      exports: [],
      parent: record.folder,
      warn: (text) => bus.emit({ type: 'notice', level: 'warning', text, architecture }),
      signal,
    });
    try {
      await daemon.client.build({
        definition,
        session: { ...session, ...sessionOf(hooks, kernel.redactor, kernel.host.env) },
        sessionOptions: { cacheDir: build.cacheDir },
        entitlements: asked.entitlements,
        cacheImports: caches.imports.map(cacheEntryOf),
        // The log is a part of the result, so that of a test that comes from a cache is whole too.
        exports: [
          {
            kind: 'tar',
            output: async (stream) => {
              const file = vertex === undefined ? undefined : tracker.logFile(vertex);
              if (file === undefined) stream.resume();
              else await receiveLog(stream, file, kernel.redactor);
            },
          },
        ],
        onFailure: keepLog,
        onEvent: (event) => {
          tracker.receive(event);
          limits.receive(event);
        },
        signal,
      });
    } catch (error) {
      if (isSolveError(error))
        throw await stepFailure(error, {
          package: plan.package,
          architecture,
          known,
          tracker,
          findPackages: (missing) => findPackages(build, locked, missing),
          memory: resources?.memory,
        });
      throw error;
    } finally {
      limits.close();
      await caches.close();
    }
  });
}

/** A test as plugins want it: to them it is a plan without outputs, with steps whose ids start with `test:`. */
function modifiedPlan(build: ArchitectureBuild, plan: TestPlan): TestPlan {
  const { package: main, version } = contextOf(build);
  const { architecture, steps, user } = plan;
  const modified = build.kernel.hooks.modifyPlan.call(
    {
      package: main,
      version,
      architecture,
      outputs: [],
      steps: withStepNetworks(steps, build),
      user,
      timeoutMs: undefined,
    },
    contextOf(build),
  );
  return { ...plan, steps: modified.steps };
}
