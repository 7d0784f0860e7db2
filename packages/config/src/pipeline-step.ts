import type { Places } from './places.ts';

/**
 * One step: shell text, a reference to a pipeline file, or a group of steps.
 *
 * Texts are `undefined` where the file has none (or null); the maps and lists are then empty.
 */
export interface PipelineStep {
  readonly if: string | undefined;
  readonly name: string | undefined;
  readonly uses: string | undefined;
  readonly with: Readonly<Record<string, string>>;
  readonly runs: string | undefined;
  readonly pipeline: readonly PipelineStep[];
  readonly inputs: Readonly<Record<string, PipelineInput>>;
  readonly needs: Needs | undefined;
  readonly label: string | undefined;
  readonly assertions: PipelineAssertions | undefined;
  readonly workingDirectory: string | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly at: Places;
}

/** What a pipeline file takes through `with`. */
export interface PipelineInput {
  readonly description: string;
  readonly default: string;
  readonly required: boolean;
  readonly at: Places;
}

/** What a step needs in the build environment. */
export interface Needs {
  readonly packages: readonly string[];
  readonly at: Places;
}

export interface PipelineAssertions {
  /** How many of the direct children must have run; 0 asks nothing. */
  readonly requiredSteps: number;
  readonly at: Places;
}
