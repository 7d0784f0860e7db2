import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { readTar, type TarInput, writeTar } from '@melange2/apk';
import { isSolveError } from '@melange2/buildkit-client';
import { architecture as architectureNames } from '@melange2/config';
import type { Exported, ExportSource, ExportTarget, ImageConfig } from '@melange2/exporters';
import type { State } from '@melange2/llb';
import { lower, type PlannedStep, workspaceFolder } from '@melange2/pipeline';
import type { ArchitectureBuild } from '../architecture-build.ts';
import { prepareArchitecture, type PreparedBuild } from '../build-architecture.ts';
import { knownVertices } from '../export-state.ts';
import { findPackages } from '../steps/find-packages.ts';
import { definitionOf, entitlementsOf } from '../plan-graph.ts';
import { remoteCaches } from '../caches/remote-caches.ts';
import { exporterOf, runExporter } from './run-exporter.ts';
import { sessionOf } from '../session-attachments.ts';
import { stepFailure } from '../steps/step-failure.ts';
import { stepTracker } from '../steps/step-tracker.ts';

/** Which files of a build are exported: its packages before any step, or all that its steps have left. */
export type ExportedMoment = 'environment' | 'build';

/**
 * Exports the files of one architecture's build as an image, an archive or a folder, by the exporter for the target's
 * kind. No packages are made.
 *
 * The client makes the image itself, from a tar stream that every daemon gives, so that its bytes do not depend on which
 * exporters a daemon has.
 *
 * @throws {BuildError} EXPORT_…, BUILD_STEP_FAILED, and as the stages do; the signal's reason when aborted
 */
export async function exportArchitecture(
  build: ArchitectureBuild,
  moment: ExportedMoment,
  target: ExportTarget,
): Promise<Exported> {
  const exporter = exporterOf(build, target);
  const prepared = await prepareArchitecture(build);
  const { graph } = prepared;
  const state =
    moment === 'environment' ? graph.lowerOptions.base : lower(graph.plan, graph.lowerOptions).workspace;
  return await build.stages.run('solve', { architecture: build.architecture }, async () => {
    const files = tarOf(build, prepared, state);
    const source: ExportSource = {
      platform: platformOf(build.architecture),
      config: imageConfigOf(prepared, moment),
      openTar: (signal) => Promise.resolve(withoutMountPoints(files.open(signal))),
    };
    try {
      return await runExporter(build, exporter, target, source);
    } catch (error) {
      throw (await files.failure()) ?? error;
    }
  });
}

function platformOf(architecture: string): ExportSource['platform'] {
  const [arch = '', variant] = architectureNames(architecture).go.split('/');
  return { os: 'linux', architecture: arch, ...(variant === undefined ? {} : { variant }) };
}

/** A shell for the build user where the sources are, with the variables that all steps have. */
function imageConfigOf({ graph, context }: PreparedBuild, moment: ExportedMoment): ImageConfig {
  const { plan } = graph;
  const env = Object.fromEntries(context.environment.state.settings.env);
  return {
    env: { ...env, ...commonEnv(plan.steps), HOME: workspaceFolder },
    workingDir: moment === 'build' ? workspaceFolder : '/',
    user: `${plan.user.uid}:${plan.user.gid}`,
    command: ['/bin/sh'],
    labels: { 'melange2.package': plan.package, 'melange2.version': plan.version, 'melange2.state': moment },
  };
}

/** The variables that all steps have alike. */
function commonEnv([first, ...others]: readonly PlannedStep[]): Readonly<Record<string, string>> {
  const all = Object.entries(first?.env ?? {});
  return Object.fromEntries(all.filter(([name, value]) => others.every(({ env }) => env[name] === value)));
}

/** Leaves out the empty folders that stand where steps had mounts of ours. */
async function* withoutMountPoints(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  async function* entries(): AsyncGenerator<TarInput> {
    for await (const entry of readTar(tar, { archive: 'the files of the build' })) {
      if (/^(\.?\/)*\.melange2(-script)?\/?$/.test(entry.name)) continue;
      yield entry.type === 'file' ? { header: entry, content: entry.content } : { header: entry };
    }
  }
  yield* writeTar(entries());
}

interface TarOfState {
  readonly open: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** Why the daemon could not make it, as it is told to people. */
  readonly failure: () => Promise<unknown>;
}

/** The files of a state as a tar, each time the daemon is asked anew. */
function tarOf(build: ArchitectureBuild, { graph, context }: PreparedBuild, state: State): TarOfState {
  const { kernel, request, daemon, bus, architecture, record } = build;
  const { plan, session } = graph;
  const definition = definitionOf(graph, state);
  const known = knownVertices(definition, plan);
  const tracker = stepTracker({
    bus,
    architecture,
    known,
    logFile: (step, name) => record.logFile(step, name),
  });
  let failed: unknown;
  return {
    async *open(signal) {
      const through = new PassThrough({ highWaterMark: 1 << 20 });
      const solved = daemon.client
        .build({
          definition,
          session: { ...session, ...sessionOf(kernel.hooks, kernel.redactor, kernel.host.env) },
          sessionOptions: { cacheDir: build.cacheDir },
          entitlements: entitlementsOf(plan, definition),
          cacheImports: remoteCaches(request.cacheFrom ?? [], 'read', kernel).map(({ type, attributes }) => ({
            type,
            attrs: attributes,
          })),
          exports: [{ kind: 'tar', output: (stream) => pipeline(stream, through) }],
          onEvent: (event) => tracker.receive(event),
          signal,
        })
        .catch((error: unknown) => {
          failed = error;
          through.destroy(error instanceof Error ? error : new Error(String(error)));
        });
      yield* through as AsyncIterable<Uint8Array>;
      await solved;
    },
    async failure() {
      if (failed === undefined || !isSolveError(failed)) return failed;
      return await stepFailure(failed, {
        package: plan.package,
        architecture,
        known,
        tracker,
        findPackages: (missing) => findPackages(build, context.locked, missing),
      });
    },
  };
}
