import type { Gateway, SolveError } from '@melange2/buildkit-client';
import { isBuildError } from '@melange2/diagnostics';
import type { ExportSource } from '@melange2/exporters';
import { copy, scratch } from '@melange2/llb';
import type { PlannedStep } from '@melange2/pipeline';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ArchitectureBuild } from '../architecture-build.ts';
import { loneStep } from '../steps/lone-step.ts';
import { definitionOf, entitlementsOf, type PlannedGraph } from '../plan-graph.ts';
import { exporterOf, runExporter } from './run-exporter.ts';
import { exportSourceOf, openFailedState, type StepState, tarOfState } from '../steps/step-state.ts';

/**
 * Exports the state after the command that failed, by the exporter for the target's kind.
 *
 * Daemons that keep the state are asked for it; on others the step is run once more, its failure let pass, and what it
 * leaves is exported. What goes wrong is told as a warning: the build has failed for another reason.
 */
export async function exportFailure(
  build: ArchitectureBuild,
  graph: PlannedGraph,
  step: PlannedStep,
  failure: SolveError,
  gateway: Gateway,
): Promise<void> {
  const { request, bus, architecture, signal } = build;
  const target = request.exportOnFailure;
  if (target === undefined) return;
  try {
    const exporter = exporterOf(build, target);
    const source = await failedSource(build, graph, step, failure, gateway);
    const done = await runExporter(build, exporter, target, source);
    const next = done.next === undefined ? '' : `; enter it with: ${done.next}`;
    bus.emit({
      type: 'notice',
      level: 'info',
      text: `exported the failed state to ${done.location}${next}`,
      architecture,
    });
  } catch (error) {
    signal.throwIfAborted();
    const why = isBuildError(error)
      ? `${error.code}: ${error.message}`
      : error instanceof Error
        ? error.message
        : String(error);
    bus.emit({
      type: 'notice',
      level: 'warning',
      text: `the failed state was not exported: ${why}`,
      architecture,
    });
  }
}

async function failedSource(
  build: ArchitectureBuild,
  graph: PlannedGraph,
  step: PlannedStep,
  failure: SolveError,
  gateway: Gateway,
): Promise<ExportSource> {
  const { architecture } = build;
  const state = await openFailedState(failure, gateway, step, architecture);
  if (state !== undefined && (await hasTar(state))) {
    return exportSourceOf(step, architecture, (signal) => tarOfState(state, signal));
  }
  return exportSourceOf(step, architecture, (signal) =>
    Promise.resolve(runAgain(build, graph, step, signal)),
  );
}

async function hasTar(state: StepState): Promise<boolean> {
  const process = await state.exec({ args: ['/bin/sh', '-c', 'command -v tar'] });
  process.stdout.resume();
  process.stderr.resume();
  return (await process.exited) === 0;
}

/** Runs the failed step once more, so that its failure ends nothing, and streams the root file system after it. */
async function* runAgain(
  { daemon }: ArchitectureBuild,
  graph: PlannedGraph,
  step: PlannedStep,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const root = loneStep(graph, step).after;
  const files = scratch().file(copy(root, '/', '/', { copyDirContentsOnly: true }));
  const definition = definitionOf(graph, files);
  const through = new PassThrough({ highWaterMark: 1 << 20 });
  const solved = daemon.client
    .build({
      definition,
      session: graph.session,
      entitlements: entitlementsOf(graph.plan, definition),
      exports: [{ kind: 'tar', output: (stream) => pipeline(stream, through) }],
      signal,
    })
    .catch((error: unknown) => {
      through.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  yield* through as AsyncIterable<Uint8Array>;
  await solved;
}
