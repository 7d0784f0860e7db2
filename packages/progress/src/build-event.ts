import type { Diagnostic, Span } from '@melange2/diagnostics';

/** The version of the event stream: raised when an event's meaning changes, not when one is added. */
export const EVENT_VERSION = 1;

/** The stages of a build, in the order they run. */
export type Stage =
  | 'read'
  | 'compile'
  | 'connect'
  | 'resolve'
  | 'fetch'
  | 'assemble'
  | 'plan'
  | 'solve'
  | 'receive'
  | 'analyse'
  | 'check'
  | 'emit'
  | 'index';

/** What a step does for the build; renderers show `command` steps most prominently. */
export type StepKind = 'command' | 'source' | 'environment' | 'export' | 'internal';

export type BuildOutcome = 'succeeded' | 'failed' | 'canceled';

interface At {
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
}

export interface BuildStarted extends At {
  readonly type: 'buildStarted';
  /** Names the build in records and logs: unique on one machine. */
  readonly build: string;
  readonly file: string;
  readonly package: string;
  readonly architectures: readonly string[];
}

export interface StageStarted extends At {
  readonly type: 'stageStarted';
  readonly stage: Stage;
  readonly architecture?: string;
}

export interface StageFinished extends At {
  readonly type: 'stageFinished';
  readonly stage: Stage;
  readonly architecture?: string;
  readonly durationMs: number;
  /** What came out, for people: `85 packages, 265 MB`. */
  readonly detail?: string;
}

export interface DaemonFound extends At {
  readonly type: 'daemonFound';
  readonly address: string;
  /** How it was found: `BUILDKIT_HOST`, `docker engine`, … */
  readonly how: string;
  readonly version?: string;
}

/** A step became known. Steps that never start (a failure came before) get no further event. */
export interface StepPlanned extends At {
  readonly type: 'stepPlanned';
  /** Unique in one build. */
  readonly step: string;
  readonly name: string;
  readonly kind: StepKind;
  /** The package or subpackage the step belongs to. */
  readonly package?: string;
  readonly architecture?: string;
  readonly place?: Span;
  /** Which step of the plan it runs: `zip/4.0`. Equal in all builds of equal build files, unlike `step`. */
  readonly planned?: string;
  /** The whole log's file, if there is one. */
  readonly logFile?: string;
  /** How long it ran when it ran last, in an earlier build. */
  readonly expectedMs?: number;
}

export interface StepStarted extends At {
  readonly type: 'stepStarted';
  readonly step: string;
}

/** One whole line of a step's output, without its line end; control sequences are still in it. */
export interface StepLog extends At {
  readonly type: 'stepLog';
  readonly step: string;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

/** Progress of something countable inside a step, such as a download. */
export interface StepProgress extends At {
  readonly type: 'stepProgress';
  readonly step: string;
  readonly item: string;
  readonly current: number;
  readonly total?: number;
  readonly unit: 'bytes' | 'items';
  readonly finished: boolean;
}

export interface StepFinished extends At {
  readonly type: 'stepFinished';
  readonly step: string;
  readonly cached: boolean;
  /** Time it ran; 0 for a cached step. */
  readonly durationMs: number;
  /** Set when it failed; `canceled` when it was stopped, because another step failed or somebody wished it. */
  readonly error?: string;
  readonly exitCode?: number;
}

/** Bytes the client sends or receives, outside of steps. */
export interface Transfer extends At {
  readonly type: 'transfer';
  readonly id: string;
  readonly name: string;
  readonly direction: 'up' | 'down';
  readonly currentBytes: number;
  readonly totalBytes?: number;
  readonly finished: boolean;
}

export interface ProblemFound extends At {
  readonly type: 'problemFound';
  readonly problem: Diagnostic;
}

/** A sentence for the user that belongs to no step. */
export interface Notice extends At {
  readonly type: 'notice';
  readonly level: 'info' | 'warning';
  readonly text: string;
  readonly architecture?: string;
}

/** A cache mount that steps wrote to or read. Those of steps that were cached themselves are not told of. */
export interface CacheMountUsed extends At {
  readonly type: 'cacheMountUsed';
  /** Its identity on the daemon. */
  readonly id: string;
  /** What people call it: `go-build`. */
  readonly name?: string;
  readonly architecture?: string;
  readonly target: string;
  /** Whether there was one from an earlier build; unknown when the daemon does not tell. */
  readonly state: 'hit' | 'fresh' | 'unknown';
  /** How large it is after the build. */
  readonly sizeBytes?: number;
}

export interface PackageWritten extends At {
  readonly type: 'packageWritten';
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly file: string;
  readonly sizeBytes: number;
  readonly installedSizeBytes: number;
  /** `sha256:<hex>` of the file. */
  readonly digest: string;
}

/** Something else, such as a shell in a failed step, has the terminal until `buildResumed`: nothing is drawn. */
export interface BuildPaused extends At {
  readonly type: 'buildPaused';
}

export interface BuildResumed extends At {
  readonly type: 'buildResumed';
}

export interface BuildFinished extends At {
  readonly type: 'buildFinished';
  readonly outcome: BuildOutcome;
  readonly durationMs: number;
  /** The folder with the whole logs of this build. */
  readonly logs?: string;
  /** Why it failed, where that is the user's to know. */
  readonly failure?: Diagnostic;
}

/** What happens in a build, as told to renderers and records. A closed union; `type` tells them apart. */
export type BuildEvent =
  | BuildStarted
  | StageStarted
  | StageFinished
  | DaemonFound
  | StepPlanned
  | StepStarted
  | StepLog
  | StepProgress
  | StepFinished
  | Transfer
  | ProblemFound
  | Notice
  | CacheMountUsed
  | PackageWritten
  | BuildPaused
  | BuildResumed
  | BuildFinished;
