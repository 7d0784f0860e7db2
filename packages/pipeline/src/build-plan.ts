import type { Environment } from '@melange2/config';
import type { Span } from '@melange2/diagnostics';

/**
 * What a step may reach: nothing, the daemon's own network for steps, or the network of the daemon's machine
 * (which the daemon must allow with the entitlement `network.host`).
 */
export type NetworkMode = 'none' | 'sandbox' | 'host';

/** A cache that a step sees as a folder and that survives the build; who asks for it names it. */
export interface PlannedMount {
  readonly kind: 'cache';
  /** The identity of the cache on the daemon. Steps with equal ids share it. */
  readonly id: string;
  /** Absolute path inside the step. */
  readonly target: string;
  /** What happens when two builds want it at once. */
  readonly sharing: 'shared' | 'private' | 'locked';
  /** One word that the daemon keeps with the mount, as a part of the command that first used it. */
  readonly note?: string;
}

/** A user of a step, by number, so that no name has to be looked up in the environment. */
export interface PlannedUser {
  readonly uid: number;
  readonly gid: number;
}

/** One command of a build: one exec on the daemon. */
export interface PlannedStep {
  /**
   * Unique in its plan and equal for equal build files: `zip/4.0` is the first child of the fifth step of
   * package `zip`; steps of tests start with `test:`.
   */
  readonly id: string;
  /** What people call it: its `name`, else `uses`, else `label`, else the first line of its text. */
  readonly name: string;
  /** The package or subpackage whose pipeline it is in. */
  readonly package: string;
  /** The pipelines it came from, outermost first; empty for a step written in the build file itself. */
  readonly uses: readonly string[];
  /** The resolved inputs of the innermost of {@link uses}, defaults included. */
  readonly inputs: Readonly<Record<string, string>>;
  /** The shell text, as it was written, after substitution. */
  readonly script: string;
  /** Absolute; made before the script starts if it does not exist. */
  readonly workingDirectory: string;
  /** All variables of the step, those of the environment included, in ascending order of name. */
  readonly env: Readonly<Record<string, string>>;
  readonly user: PlannedUser;
  readonly network: NetworkMode;
  /** Set where the step has all rights of root on the daemon's machine, which the daemon must allow. */
  readonly insecure?: true;
  /** Capabilities that the step would have and is to lose: `net_raw`, or `all`. */
  readonly drop?: readonly string[];
  readonly mounts: readonly PlannedMount[];
  /** Where the text of the script is written: in the build file, or in a file of a pipeline. */
  readonly place: Span | undefined;
  /** Where the step is written in the build file itself; equal to {@link place} unless it came from a pipeline. */
  readonly calledAt: Span | undefined;
  /** Where the value of one of {@link inputs} is written; `undefined` for a default. */
  readonly placeOfInput?: (name: string) => Span | undefined;
  /** Where a line of the script is written; lines count from 1. */
  readonly placeOfLine?: (line: number) => Span | undefined;
}

/** Everything a build of one package on one architecture does, before it becomes a graph. */
export interface BuildPlan {
  /** Name of the main package. */
  readonly package: string;
  /** `version-rEPOCH`. */
  readonly version: string;
  /** As apk writes it: `x86_64`. */
  readonly architecture: string;
  /** The folders below `melange-out`: the main package first, then its subpackages in the order of the file. */
  readonly outputs: readonly string[];
  /** In the order they run: the main package's, then each subpackage's. */
  readonly steps: readonly PlannedStep[];
  /** The user the steps run as, who owns the workspace. */
  readonly user: PlannedUser;
  /** Limit of the whole build, from `package.timeout`. */
  readonly timeoutMs: number | undefined;
}

/** The tests of one package or subpackage: an environment of its own, and steps that share one root. */
export interface TestPlan {
  /** The package or subpackage under test. */
  readonly package: string;
  /** As apk writes it: `x86_64`. */
  readonly architecture: string;
  /** What its environment is made of; its packages hold the one under test, and are sorted, each once. */
  readonly environment: Environment;
  /** Where one of these packages is asked for. */
  readonly placeOfPackage: (entry: string) => Span | undefined;
  readonly steps: readonly PlannedStep[];
  readonly user: PlannedUser;
}
