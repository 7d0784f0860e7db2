import type { Span } from '@melange2/diagnostics';
import type { Condition, Environment, PackageConfig, PipelineStep, TextOrigin } from '@melange2/config';

/** A step with everything put in: its pipeline file, its inputs, its variables. */
export interface CompiledStep {
  /** What the step is after compiling, in the shape of a build file: `with` reduced to what differs from defaults. */
  readonly step: PipelineStep;
  /** The pipelines it came from, outermost first, its own `uses` last. */
  readonly uses: readonly string[];
  /** Values of the inputs of the innermost of {@link uses}, defaults included. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Where the value of one of {@link inputs} is written; `undefined` for a default. */
  readonly placeOfInput?: ((name: string) => Span | undefined) | undefined;
  /** True when the step's `uses` was looked up among the built-in pipelines; its children then are too. */
  readonly builtIn: boolean;
  /** The shell text after substitution, as it was written; `undefined` for none. */
  readonly script: string | undefined;
  /** Which characters of which file the script came from. */
  readonly scriptOrigin: () => TextOrigin | undefined;
  /** `undefined` runs always. */
  readonly condition: Condition | undefined;
  readonly children: readonly CompiledStep[];
  /** The step itself, in whichever file it stands. */
  readonly place: Span | undefined;
  /** The step of the build file that led to it. */
  readonly calledAt: Span | undefined;
}

/** The steps of a test and its environment, both after compiling. */
export interface CompiledTest {
  readonly steps: readonly CompiledStep[];
  /** Of its own; its packages are the ones asked for, the one under test, and the needs of the steps. */
  readonly environment: Environment;
  /** Where a package of its environment is asked for. */
  readonly placeOfPackage: (entry: string) => Span | undefined;
}

export interface CompiledSubpackage {
  readonly name: string;
  /** Whether its `if` holds; one that does not is neither built nor tested. */
  readonly enabled: boolean;
  readonly steps: readonly CompiledStep[];
  readonly test: CompiledTest | undefined;
}

/** A build file for one architecture, with every pipeline resolved. */
export interface CompiledPackage {
  /** As apk writes it: `x86_64`. */
  readonly architecture: string;
  /**
   * The configuration with compiled steps in place of those written, and with needs gathered into the
   * environments: what `melange2 compile` prints. It still has the subpackages that are not enabled.
   */
  readonly config: PackageConfig;
  readonly steps: readonly CompiledStep[];
  /** All of them, also those that are not enabled. */
  readonly subpackages: readonly CompiledSubpackage[];
  readonly test: CompiledTest | undefined;
  /** What the build environment must hold: the packages of the file, then the needs of the steps, in their order. */
  readonly packages: readonly string[];
  /** Where one of {@link packages} is asked for: in the environment of the file, or the step that needs it. */
  readonly placeOfPackage: (entry: string) => Span | undefined;
  /** The built-in pipelines that are used, sorted. */
  readonly builtIns: readonly string[];
  /** Texts of the pipeline files that places are in, by file name. */
  readonly sources: ReadonlyMap<string, string>;
}
