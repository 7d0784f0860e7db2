import type { Diagnostic } from '@melange2/diagnostics';
import type { Linter } from '@melange2/lint';
import type { State } from '@melange2/llb';
import type { BuildPlan } from '@melange2/pipeline';
import type { BuildOutcome, PackageWritten } from '@melange2/progress';

/** Facts about the builder that hold for its whole life. */
export interface BuilderInfo {
  /** The version of melange2. */
  readonly version: string;
}

/** Where a build file lies. */
export interface ConfigContext {
  /** Its path as the user gave it. */
  readonly file: string;
  /** Its folder, absolute. */
  readonly folder: string;
}

/** Which part of a build a hook is called for. */
export interface ArchitectureContext extends ConfigContext {
  /** apk's name: `x86_64`. */
  readonly architecture: string;
  /** Name of the main package. */
  readonly package: string;
  /** `version-rEPOCH`. */
  readonly version: string;
  /** Aborted when the build is; whoever waits for something gives up then. */
  readonly signal: AbortSignal;
}

/** Collects problems. */
export interface ProblemReport {
  report(problem: Diagnostic): void;
}

/** Collects what is wrong with a package. */
export interface PackageReport extends ProblemReport {
  /**
   * Has a linter look at the package, at the level that the user gives it: like the built-in ones it is named in
   * `--lint-require`, `--lint-warn` and `checks.disabled`, and what it finds is kept with their results.
   */
  lint(linter: Linter): void;
}

/** What a build environment is chosen from. */
export interface EnvironmentRequest {
  /** apk's world: `foo`, `foo=1.2-r0`, `foo~1.2`. */
  readonly packages: readonly string[];
  readonly repositories: readonly string[];
  /** Paths and URLs of public keys. */
  readonly keyring: readonly string[];
}

export interface LowerContext {
  readonly plan: BuildPlan;
  /** The root file system before the step. */
  readonly before: State;
}

/** A cache outside the daemon: in the daemon's own terms, or kept by a plugin. */
export interface CacheBackend {
  /** `registry`, `local`, `inline`, `gha`, `s3` or `azblob`; with a store any word. */
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Keeps the cache in the daemon's stead; the daemon is not told of type and attributes then. */
  readonly store?: CacheStore;
}

/**
 * Keeps caches of builds somewhere: as folders of the client, OCI layouts, which the daemon reads and writes through the
 * session. What goes wrong in it is a warning, and no failure of the build.
 */
export interface CacheStore {
  /** Fills an empty folder before the build. It stays empty when there is no cache yet. */
  load(folder: string, signal: AbortSignal): Promise<void>;
  /** Takes what the daemon has written. The folder is removed afterwards. */
  save(folder: string, signal: AbortSignal): Promise<void>;
}

/** What the daemon is asked, besides the graph. */
export interface SolveRequest {
  readonly cacheImports: readonly CacheBackend[];
  readonly cacheExports: readonly CacheBackend[];
  readonly entitlements: readonly string[];
}

/** Collects what the daemon may ask the client for. */
export interface SessionAttachments {
  /** A secret that steps may mount or have as a variable, by its id. Its value is kept out of all output. */
  secret(id: string, value: string | Uint8Array): void;
  /** An SSH agent: the path of its socket. */
  ssh(id: string, socket: string): void;
  /** Credentials for a registry; asked in the order they were added, the first answer counts. */
  credentials(find: (host: string) => Promise<{ username: string; secret: string } | undefined>): void;
}

/** How a build ended. */
export interface BuildSummary {
  readonly outcome: BuildOutcome;
  readonly durationMs: number;
  readonly packages: readonly PackageWritten[];
  /** The failure, when there was one. */
  readonly error?: unknown;
}
