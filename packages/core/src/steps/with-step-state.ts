import type { Gateway } from '@melange2/buildkit-client';
import { cacheMountOf, type PlannedStep } from '@melange2/pipeline';
import type { ArchitectureBuild } from '../architecture-build.ts';
import { whilePaused } from '../event-bus.ts';
import { knownVertices } from '../export-state.ts';
import { loneStep, loweredStep } from './lone-step.ts';
import { definitionOf, entitlementsOf, type PlannedGraph } from '../plan-graph.ts';
import { sessionOf } from '../session-attachments.ts';
import { openResult, type StepState } from './step-state.ts';
import { type KnownVertex, stepTracker } from './step-tracker.ts';

/**
 * Has the daemon make the files around a step again and hands them out while they are open.
 *
 * What the daemon still has comes from its cache. A failed step is run once more, its failure let pass; the daemon then
 * keeps what it leaves, so that the next time it does not run. Nothing is told of the vertices in `told`.
 *
 * @throws {BuildError} of the client, when an earlier step fails; what `use` throws
 */
export async function withStepState<T>(
  build: ArchitectureBuild,
  graph: PlannedGraph,
  step: PlannedStep,
  moment: StepState['moment'],
  use: (state: StepState) => Promise<T>,
  told: ReadonlyMap<string, KnownVertex> = new Map(),
): Promise<T> {
  const { daemon, kernel, bus, architecture, record, cacheDir, signal } = build;
  const lowered = moment === 'failed' ? loneStep(graph, step) : loweredStep(graph, step);
  const definition = definitionOf(graph, moment === 'before' ? lowered.before : lowered.after);
  const known = knownVertices(definition, graph.plan);
  if (moment === 'failed') {
    const again = [...known].find(([digest, facts]) => facts.step === step && !graph.known.has(digest));
    if (again !== undefined) known.set(again[0], { ...again[1], name: `${step.name} (once more)` });
  }
  const tracker = stepTracker({
    bus,
    architecture,
    known,
    logFile: (id, name) => record.logFile(id, name),
  });
  let used: { readonly value: T } | undefined;
  await daemon.client.build({
    run: async (gateway: Gateway) => {
      const { ref } = await gateway.solve({ definition, evaluate: true }, { signal });
      if (ref === undefined) throw new Error(`the state of ${step.id} has no files`);
      const [cache] = step.mounts;
      const mount = cache === undefined ? undefined : cacheMountOf(cache, step.user);
      const emptyCache =
        mount?.kind !== 'cache' || mount.source === undefined
          ? undefined
          : (
              await gateway.solve(
                { definition: definitionOf(graph, mount.source), evaluate: true },
                { signal },
              )
            ).ref;
      const state = openResult(ref, emptyCache, gateway, { step, architecture, moment });
      used = { value: await whilePaused(bus, () => use(state)) };
      return undefined;
    },
    session: { ...graph.session, ...sessionOf(kernel.hooks, kernel.redactor, kernel.host.env) },
    sessionOptions: { cacheDir },
    entitlements: entitlementsOf(graph.plan, definition),
    onEvent: (event) => {
      if (event.vertex === undefined || !told.has(event.vertex)) tracker.receive(event);
    },
    signal,
  });
  if (used === undefined) throw new Error('the daemon ended the build before it was used');
  return used.value;
}
