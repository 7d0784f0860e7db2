/** How several steps that run at the same time share a mount, in BuildKit's words. */
export type CacheSharing = 'shared' | 'private' | 'locked';

/** A folder that outlives the build: kept by the daemon and mounted into steps. */
export interface CacheMount {
  /** What it is, in one word: `go-build`, `pip`. Users name it so on the command line. */
  readonly name: string;
  /** Absolute path in the step. */
  readonly target: string;
  readonly sharing: CacheSharing;
  /** Variables that make the tool use it; a variable that the build file sets itself wins. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * What else must be equal for two builds to share it, such as the version of a tool chain whose caches are
   * not compatible. Empty for caches addressed by content.
   */
  readonly identity: readonly string[];
  /** Who asked for it: the plugin's name. */
  readonly plugin: string;
}

/** Who writes into a mount. Part of its identity, so that a clash of permissions is a fresh cache, not an error. */
export interface CacheWriter {
  readonly uid: number;
  readonly gid: number;
  /** apk name: `x86_64`. */
  readonly architecture: string;
}

/** Facts about one step that decide which caches it gets. */
export interface CacheStep {
  /** The pipeline it comes from: `go/build`; several when nested, outermost first. */
  readonly uses: readonly string[];
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** Names and versions of the packages in the environment. */
  readonly packages: ReadonlyMap<string, string>;
}

/** Tells whether the step's script starts one of these programs, or it uses a pipeline below one of `uses`. */
export function usesTool(
  step: CacheStep,
  programs: readonly string[],
  uses: readonly string[] = [],
): boolean {
  if (step.uses.some((u) => uses.some((prefix) => u === prefix || u.startsWith(`${prefix}/`)))) return true;
  const names = programs.map((p) => RegExp.escape(p)).join('|');
  return new RegExp(`(^|[\\s;&|(\`/])(${names})(?=$|[\\s;&|)\`])`, 'm').test(step.script);
}
