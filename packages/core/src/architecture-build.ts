import type { SigningKey } from '@melange2/apk';
import type { FoundDaemon } from '@melange2/daemon';
import type { Transport } from '@melange2/environment';
import type { CompiledPackage } from '@melange2/pipeline';
import type { ArchitectureContext } from '@melange2/plugin-api';
import type { BuildRecord } from './records/build-record.ts';
import type { BuildRequest } from './build-request.ts';
import type { CompiledBuild } from './build-file/compile-build.ts';
import type { EventBus } from './event-bus.ts';
import type { Kernel } from './kernel.ts';
import type { BuildInputs } from './build-file/read-inputs.ts';
import type { StageClock } from './stage-clock.ts';

/** Everything the build of one architecture needs. */
export interface ArchitectureBuild {
  readonly kernel: Kernel;
  readonly request: BuildRequest;
  readonly inputs: BuildInputs;
  readonly compiled: CompiledBuild;
  readonly architecture: string;
  readonly daemon: FoundDaemon;
  readonly transport: Transport;
  readonly bus: EventBus;
  readonly stages: StageClock;
  readonly record: Pick<BuildRecord, 'folder' | 'logFile'>;
  readonly cacheDir: string;
  /** When the build started, in milliseconds since 1970. */
  readonly startedMs: number;
  readonly signal: AbortSignal;
  readonly key?: SigningKey;
}

/** The compiled package of the architecture. */
export function compiledOf({ compiled, architecture }: ArchitectureBuild): CompiledPackage {
  const found = compiled.packages.get(architecture);
  if (found === undefined) throw new Error(`${architecture} was not compiled`);
  return found;
}

/** What hooks are told about where they are called. */
export function contextOf(build: ArchitectureBuild): ArchitectureContext {
  const { package: main } = compiledOf(build).config;
  return {
    file: build.request.file,
    folder: build.inputs.folder,
    architecture: build.architecture,
    package: main.name,
    version: `${main.version}-r${main.epoch}`,
    signal: build.signal,
  };
}
