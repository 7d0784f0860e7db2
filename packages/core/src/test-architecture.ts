import { architecture as architectureNames } from '@melange2/config';
import { isSolveError } from '@melange2/buildkit-client';
import { assemble } from '@melange2/environment';
import { marshal } from '@melange2/llb';
import { lowerTest, planTests, type TestPlan } from '@melange2/pipeline';
import { type ArchitectureBuild, compiledOf } from './architecture-build.ts';
import { environmentSettings } from './build-file/environment-settings.ts';
import { testVertices } from './export-state.ts';
import { findPackages } from './steps/find-packages.ts';
import { invalidPlan, networkOf } from './plan-graph.ts';
import { resolveEnvironment } from './resolve-environment.ts';
import { sessionOf } from './session-attachments.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';
import { sourceFolder } from './build-file/source-folders.ts';
import { stepFailure } from './steps/step-failure.ts';
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
  });
  if (planned.value === undefined) throw invalidPlan(request.file, planned.diagnostics);
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

async function runTest(build: ArchitectureBuild, plan: TestPlan, epoch: number): Promise<void> {
  const { kernel, request, inputs, architecture, daemon, stages, bus, record, signal } = build;
  const of = { architecture, detail: () => plan.package };
  const { contents } = plan.environment;
  const main = compiledOf(build).config.package.name;
  const { packageUnderTest } = request;
  const packages =
    packageUnderTest === undefined || plan.package !== main
      ? contents.packages
      : [...contents.packages.filter((name) => name !== main), packageUnderTest];
  const locked = await stages.run('resolve', of, () =>
    resolveEnvironment(build, { name: plan.package, contents, packages }),
  );
  const { llb: caps } = await daemon.client.capabilities({ signal });
  const environment = await stages.run('assemble', of, () =>
    assemble(locked, {
      ...environmentSettings(plan.environment),
      cacheDir: build.cacheDir,
      transport: build.transport,
      caps,
      signal,
    }),
  );
  const source = sourceFolder(request, inputs, main, kernel.host);
  const { sources } = compiledOf(build);
  const lowered = lowerTest(plan, {
    base: environment.state,
    sourceDateEpoch: epoch,
    trace: request.debug,
    readSource: (file) => (file === request.file ? inputs.text : sources.get(file)),
    ...(source === undefined ? {} : { source: source.state }),
  });
  const definition = marshal(lowered.log, {
    platform: `linux/${architectureNames(architecture).go}`,
    caps,
    localUniqueId: 'melange2',
  });
  const known = testVertices(definition, plan);
  const tracker = stepTracker({
    bus,
    architecture,
    known,
    logFile: (step, name) => record.logFile(step, name),
  });
  const { attachables } = environment;
  await stages.run('solve', of, async () => {
    try {
      await daemon.client.build({
        definition,
        session: {
          ...sessionOf(kernel.hooks, kernel.redactor, kernel.host.env),
          localDirs: { ...attachables.localDirs, ...source?.dirs },
          ...(attachables.contentStores === undefined ? {} : { contentStores: attachables.contentStores }),
        },
        sessionOptions: { cacheDir: build.cacheDir },
        entitlements: plan.steps.some((step) => step.network === 'host') ? ['network.host'] : [],
        onEvent: (event) => tracker.receive(event),
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
        });
      throw error;
    }
  });
}
