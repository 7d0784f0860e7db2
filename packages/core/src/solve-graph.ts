import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { TarEntry } from '@melange2/apk';
import { isSolveError } from '@melange2/buildkit-client';
import type { Environment } from '@melange2/environment';
import { parseOwnerNames, type ReceivedTrees, receiveTrees } from '@melange2/packager';
import { type ArchitectureBuild, contextOf } from './architecture-build.ts';
import { exportedPackages } from './export-state.ts';
import type { PlannedGraph } from './plan-graph.ts';
import { sessionOf } from './session-attachments.ts';
import { stepFailure } from './step-failure.ts';
import { stepTracker, type StepTracker } from './step-tracker.ts';

/**
 * Has the daemon do the build and receives what it left behind.
 *
 * @throws {BuildError} BUILD_STEP_FAILED, BUILD_SOLVE_FAILED, those of the client; the signal's reason when aborted
 */
export async function solveGraph(
  build: ArchitectureBuild,
  graph: PlannedGraph,
  environment: Environment,
): Promise<ReceivedTrees> {
  const { kernel, request, architecture, daemon, bus, record, signal } = build;
  const { plan, definition, known } = graph;
  const host = [...definition.metadata.values()].some((m) => m.caps.has('exec.meta.network'));
  const asked = await kernel.hooks.modifySolve.promise(
    {
      cacheImports: [],
      cacheExports: [],
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
  let received: ReceivedTrees | undefined;
  try {
    await daemon.client.build({
      definition,
      session: { ...graph.session, ...sessionOf(kernel.hooks, kernel.redactor) },
      entitlements: asked.entitlements,
      cacheImports: asked.cacheImports.map(({ type, attributes }) => ({ type, attrs: attributes })),
      cacheExports: asked.cacheExports.map(({ type, attributes }) => ({ type, attrs: attributes })),
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
              onOther: (entry) => keepLog(entry, graph, tracker),
              signal,
            });
          },
        },
      ],
      onEvent: (event) => tracker.receive(event),
      signal,
    });
  } catch (error) {
    await received?.close();
    if (isSolveError(error))
      throw stepFailure(error, { package: plan.package, architecture, known, tracker });
    throw error;
  }
  if (received === undefined) throw new Error(`the daemon sent nothing back for ${request.file}`);
  return received;
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
