import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type PlannedStep, stepDescription } from '@melange2/pipeline';
import type { ArchitectureBuild } from '../architecture-build.ts';
import { loneStep } from './lone-step.ts';
import { definitionOf, entitlementsOf, type PlannedGraph } from '../plan-graph.ts';
import { sessionOf } from '../session-attachments.ts';
import { receiveLog } from './step-log.ts';
import { stepTracker } from './step-tracker.ts';

/** The file with the trace of a step, beside that with its output. */
export function traceFileOf(log: string): string {
  return log.replace(/(\.log)?$/, '.trace.log');
}

/**
 * Runs a step by itself, on what the steps before it left, with each command printed before it runs (`set -x`), and
 * keeps what it prints: the path of the file comes back, or `undefined` when the step is none that can be traced.
 *
 * The step as it was built stays as it is, in the daemon's cache too. The daemon keeps the traced run as well: asked
 * for again, it does not run.
 */
export async function traceStep(
  build: ArchitectureBuild,
  graph: PlannedGraph,
  step: PlannedStep,
): Promise<string | undefined> {
  const { daemon, kernel, bus, architecture, record, cacheDir, signal } = build;
  const { log } = loneStep(graph, step, { trace: true });
  const built = [...graph.known].find(([, facts]) => facts.step === step && facts.kind === 'command')?.[0];
  if (log === undefined || built === undefined) return undefined;
  const definition = definitionOf(graph, log);
  const traced = [...definition.metadata].find(
    ([digest, { description }]) => description.get(stepDescription) === step.id && !graph.known.has(digest),
  )?.[0];
  const file = traceFileOf(record.logFile(`${architecture}/${built}`, step.name));
  const name = `${step.name} (each command)`;
  const tracker = stepTracker({
    bus,
    architecture,
    known: new Map(
      traced === undefined ? [] : [[traced, { name, kind: 'command', package: step.package, step }]],
    ),
    logFile: () => file,
  });
  let seen = false;
  await daemon.client.build({
    definition,
    session: { ...graph.session, ...sessionOf(kernel.hooks, kernel.redactor, kernel.host.env) },
    sessionOptions: { cacheDir },
    entitlements: entitlementsOf(graph.plan, definition),
    exports: [
      {
        kind: 'tar',
        output: (stream) => receiveLog(stream, file, kernel.redactor),
      },
    ],
    // The steps before it were told when they ran.
    onEvent: (event) => {
      if (event.vertex !== traced) return;
      if (event.type === 'vertexLog') seen = true;
      tracker.receive(event);
    },
    signal,
  });
  // A daemon that has run it before does not say again what it printed.
  if (!seen && traced !== undefined) {
    for await (const text of createInterface(createReadStream(file))) {
      bus.emit({ type: 'stepLog', step: `${architecture}/${traced}`, stream: 'stdout', text });
    }
  }
  const text = `each command of "${step.name}" is in ${file}`;
  bus.emit({ type: 'notice', level: 'info', text, architecture });
  return file;
}
