import type { ExportTarget } from '@melange2/exporters';
import type { PlannedStep } from '@melange2/pipeline';
import type { StepState } from './steps/step-state.ts';

/** `default` is what the daemon gives to steps; `host` the network of the daemon's machine. */
export type StepNetwork = 'none' | 'default' | 'host';

/** A visit to the state that a failed step has left. */
export interface FailedStepVisit {
  /** Whether it is wanted. Old daemons have to run the step once more for it, which is not done before. */
  wanted(step: PlannedStep): Promise<boolean>;
  /** The visit itself; the state is open until it settles. */
  enter(state: StepState): Promise<void>;
}

/** What one build is asked to do. Paths are absolute, `file` excepted: it is shown as the user gave it. */
export interface BuildRequest {
  readonly file: string;
  /** apk or OCI names; empty is this machine's, `all` every one that the build file allows. */
  readonly architectures: readonly string[];
  readonly buildOptions: readonly string[];
  readonly envFiles: readonly string[];
  readonly varsFile?: string;
  readonly pipelineDirs: readonly string[];
  readonly libc: 'gnu' | 'musl';
  /** Repositories, keys and packages added to those of the build file. */
  readonly repositories: readonly string[];
  readonly keyring: readonly string[];
  readonly packages: readonly string[];
  readonly ignoreSignatures: boolean;
  readonly apkCacheDir?: string;
  readonly cacheDir?: string;
  readonly sourceDir?: string;
  readonly emptyWorkspace: boolean;
  readonly outDir: string;
  readonly signingKey?: string;
  readonly generateIndex: boolean;
  readonly namespace: string;
  readonly stripOriginName: boolean;
  readonly createBuildLog: boolean;
  readonly dependencyLog?: string;
  /** Names of linters whose findings fail the build; default: those whose own level says so. */
  readonly lintRequire?: readonly string[];
  /** Names of linters whose findings are told. */
  readonly lintWarn?: readonly string[];
  /** Writes what linters found beside the packages. */
  readonly persistLintResults: boolean;
  /** Writes how a package was made beside it. */
  readonly generateProvenance: boolean;
  readonly gitCommit?: string;
  readonly gitRepoUrl?: string;
  /** License of the build file itself. */
  readonly license: string;
  /** RFC 3339. */
  readonly buildDate?: string;
  /** The daemon's address; without it one is looked for. */
  readonly address?: string;
  /** What steps may reach. */
  readonly network: StepNetwork;
  /** The same for single steps, by their names. */
  readonly stepNetworks?: Readonly<Record<string, StepNetwork>>;
  /** Whether steps may get all rights of root on the daemon's machine, where the build file asks for capabilities. */
  readonly allowInsecure?: boolean;
  /**
   * Shows each command of a step, in a run of its own: of the step that fails, or of all when none does. Tests print
   * their commands as they run.
   */
  readonly debug: boolean;
  readonly timeoutMs?: number;
  /** How long each step may run, and single ones by their names. */
  readonly stepTimeoutMs?: number;
  readonly stepTimeoutsMs?: Readonly<Record<string, number>>;
  /** What each step may use at most, instead of what the build file says (`package.resources`): `4`, `500m`; `4Gi`. */
  readonly cpu?: string;
  readonly memory?: string;
  readonly traceFile?: string;
  /** Where the state after a failed command is exported to. */
  readonly exportOnFailure?: ExportTarget;
  /** What is done with a failed step while its state can be had. */
  readonly onFailedStep?: FailedStepVisit;
  /** Caches outside the daemon that results are taken from, as `parseRemoteCache` reads them. */
  readonly cacheFrom?: readonly string[];
  /** Caches outside the daemon that results are written to. One that cannot be written is a warning. */
  readonly cacheTo?: readonly string[];
  /** Whether steps get caches that outlive the build. Default true. */
  readonly cacheMounts?: boolean;
  /** What the caller loaded plugins by: kept in the record of the build, for who opens it again. */
  readonly loaded?: {
    readonly plugins: readonly string[];
    /** Caches by name, as the user wrote them. */
    readonly cacheMounts: readonly string[];
  };
  /** What a test installs for the main package: a constraint such as `zip=3.0-r1`. Default: its name. */
  readonly packageUnderTest?: string;
}

/** What the builder may use of the program it runs in. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
  /** The version of melange2. */
  readonly version: string;
}
