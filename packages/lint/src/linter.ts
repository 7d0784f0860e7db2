import type { PackageTree, TreeEntry } from '@melange2/apk';

/** The package that is looked at. */
export interface LintSubject {
  readonly name: string;
  readonly tree: PackageTree;
  /** The pipelines that the package's own tests use directly; undefined when nothing is known of its tests. */
  readonly testPipelines: readonly string[] | undefined;
}

/** What one linter found in one package: what is wrong, and where. */
export interface Finding {
  /** One sentence without a full stop. */
  readonly message: string;
  readonly details?: FindingDetails;
}

/** Where a finding is, in the shape that each linter's results have. */
export type FindingDetails =
  | { readonly paths: readonly string[] }
  | { readonly binaries: readonly (string | { readonly path: string; readonly arch: string })[] }
  | {
      readonly files: readonly (
        | { readonly path: string; readonly mode: string; readonly permissions: readonly string[] }
        | { readonly path: string; readonly arch: string }
      )[];
    }
  | { readonly references: readonly { readonly path: string; readonly platform: string }[] }
  | { readonly count: number; readonly packages: readonly string[] }
  | {
      readonly total_duplicate_sets: number;
      readonly total_wasted_bytes: number;
      readonly total_wasted_size: string;
      readonly duplicates: readonly DuplicateSet[];
    };

/** Files of one name and content. Sizes are bytes, and the same for people. */
export interface DuplicateSet {
  readonly basename: string;
  readonly count: number;
  readonly size_bytes: number;
  readonly size: string;
  readonly wasted_bytes: number;
  readonly wasted_size: string;
  readonly paths: readonly string[];
}

/** What happens to a finding: it fails the build, is only told, or is not even looked for. */
export type LintLevel = 'require' | 'warn' | 'ignore';

/** One thing to look for. */
export interface Linter {
  readonly name: string;
  /** Its level where nobody says otherwise. */
  readonly level: LintLevel;
  /** What to do about it. */
  readonly explain: string;
  readonly check: (subject: LintSubject) => Promise<readonly Finding[]> | readonly Finding[];
}

/** Everything in a package but its directories. */
export function filesOf({ tree }: LintSubject): readonly TreeEntry[] {
  return tree.entries.filter((e) => e.header.type !== 'directory');
}

/** Files with content of their own, also under a second name. */
export function regularFilesOf({ tree }: LintSubject): readonly TreeEntry[] {
  return tree.entries.filter((e) => e.header.type === 'file' || e.header.type === 'hardLink');
}

/** The paths of files that a test picks. */
export function pathsOf(subject: LintSubject, picks: (path: string) => boolean): string[] {
  return filesOf(subject)
    .map((e) => e.header.name)
    .filter(picks);
}

/** One finding about some paths; none when there are no paths. */
export function aboutPaths(paths: readonly string[], message: string): Finding[] {
  return paths.length === 0 ? [] : [{ message, details: { paths } }];
}

/** `1 file`, `2 files`. */
export function counted(count: number, one: string, many: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** The extension of a path's last part with its dot, from the last dot on; empty without one. */
export function extensionOf(path: string): string {
  const base = baseOf(path);
  const dot = base.lastIndexOf('.');
  return dot < 0 ? '' : base.slice(dot);
}

/** The last part of a path. */
export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
