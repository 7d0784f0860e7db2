import type { Environment } from './environment.ts';
import type { PipelineStep } from './pipeline-step.ts';
import type { Places } from './places.ts';
import type { Update } from './update.ts';

/**
 * A build file as it means: ranges expanded, variables of parse time put in, defaults added, checked.
 *
 * Texts that the file does not have are `''`, lists `[]`, maps `{}`; a block whose presence means something
 * is `undefined` when it is absent.
 */
export interface PackageConfig {
  readonly package: Package;
  readonly environment: Environment;
  readonly capabilities: Capabilities;
  readonly pipeline: readonly PipelineStep[];
  readonly subpackages: readonly Subpackage[];
  /** The entries of `data` as the file has them; the subpackages are already expanded over them. */
  readonly data: readonly RangeData[];
  readonly update: Update;
  /** As the file and the vars file have them, before transforms; later entries may refer to earlier and later ones. */
  readonly vars: Readonly<Record<string, string>>;
  readonly varTransforms: readonly VarTransform[];
  readonly options: Readonly<Record<string, BuildOption>>;
  readonly test: Test | undefined;
  readonly at: Places;
}

export interface Package {
  readonly name: string;
  readonly version: string;
  /** Unsigned, 64 bits. */
  readonly epoch: bigint;
  readonly description: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly url: string;
  readonly commit: string;
  /** Empty: every architecture. Texts as written, never normalised. */
  readonly targetArchitecture: readonly string[];
  readonly copyright: readonly Copyright[];
  readonly dependencies: Dependencies;
  readonly options: PackageOptions | undefined;
  readonly scriptlets: Scriptlets | undefined;
  readonly checks: Checks;
  readonly cpe: Cpe;
  readonly setcap: readonly Capability[];
  /** Of the whole build, in nanoseconds; 0 is none. */
  readonly timeoutNs: bigint;
  readonly resources: Resources;
  readonly testResources: Resources | undefined;
  readonly at: Places;
}

export interface Subpackage {
  readonly if: string;
  /** The entry of `data` that this subpackage was expanded from, and its key there. */
  readonly range: { readonly name: string; readonly key: string } | undefined;
  readonly name: string;
  readonly description: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly url: string;
  readonly commit: string;
  readonly pipeline: readonly PipelineStep[];
  readonly dependencies: Dependencies;
  readonly options: PackageOptions | undefined;
  readonly scriptlets: Scriptlets | undefined;
  readonly checks: Checks;
  readonly setcap: readonly Capability[];
  readonly test: Test | undefined;
  readonly at: Places;
}

export interface Dependencies {
  readonly runtime: readonly string[];
  readonly provides: readonly string[];
  readonly replaces: readonly string[];
  /** A decimal integer as text, or `''`. */
  readonly providerPriority: string;
  readonly replacesPriority: string;
  readonly at: Places;
}

export interface Copyright {
  readonly paths: readonly string[];
  readonly attestation: string;
  readonly license: string;
  readonly licensePath: string;
  readonly detectionOverride: string;
  readonly at: Places;
}

export interface PackageOptions {
  readonly noProvides: boolean;
  readonly noDepends: boolean;
  readonly noCommands: boolean;
  readonly noVersionedShlibDeps: boolean;
  readonly at: Places;
}

export interface Scriptlets {
  readonly trigger: Trigger;
  readonly preInstall: string;
  readonly postInstall: string;
  readonly preDeinstall: string;
  readonly postDeinstall: string;
  readonly preUpgrade: string;
  readonly postUpgrade: string;
  readonly at: Places;
}

export interface Trigger {
  readonly script: string;
  readonly paths: readonly string[];
  readonly at: Places;
}

export interface Checks {
  /** Names of linters that only warn. */
  readonly disabled: readonly string[];
  readonly at: Places;
}

export interface Cpe {
  readonly part: string;
  readonly vendor: string;
  readonly product: string;
  readonly edition: string;
  readonly language: string;
  readonly swEdition: string;
  readonly targetSw: string;
  readonly targetHw: string;
  readonly other: string;
  readonly at: Places;
}

/** File capabilities of one path. */
export interface Capability {
  readonly path: string;
  /** Capability names, comma separated, to flags. */
  readonly add: Readonly<Record<string, string>>;
  readonly reason: string;
  readonly at: Places;
}

/** Linux capabilities of the steps. */
export interface Capabilities {
  readonly add: readonly string[];
  readonly drop: readonly string[];
  readonly at: Places;
}

/** What a build wants of a machine, as text that schedulers read. */
export interface Resources {
  readonly cpu: string;
  readonly cpuModel: string;
  readonly memory: string;
  readonly disk: string;
  readonly at: Places;
}

export interface RangeData {
  readonly name: string;
  readonly items: Readonly<Record<string, string>>;
  readonly at: Places;
}

export interface VarTransform {
  readonly from: string;
  /** An RE2 expression. */
  readonly match: string;
  /** A Go replacement template: `$1`, `${1}`, `${name}`. */
  readonly replace: string;
  readonly to: string;
  readonly at: Places;
}

export interface BuildOption {
  readonly vars: Readonly<Record<string, string>>;
  /** Packages added to and removed from `environment.contents.packages`. */
  readonly add: readonly string[];
  readonly remove: readonly string[];
  readonly at: Places;
}

export interface Test {
  readonly environment: Environment;
  readonly pipeline: readonly PipelineStep[];
  readonly at: Places;
}
