import type { BuildOutcome, PackageWritten } from '@melange2/progress';

/** Facts about the builder that hold for its whole life. */
export interface BuilderInfo {
  /** The version of melange2. */
  readonly version: string;
  readonly architectures: readonly string[];
}

/** How a build ended. */
export interface BuildSummary {
  readonly outcome: BuildOutcome;
  readonly durationMs: number;
  readonly packages: readonly PackageWritten[];
  /** The failure, when there was one. */
  readonly error?: unknown;
}
