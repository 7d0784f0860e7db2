/** What a build file is read with, besides its text. */
export interface ParseOptions {
  /** Set when the file has no `commit` of its own. */
  readonly commit?: string;
  /** Texts of env files, each over the ones behind it; the file's own `environment` is over all of them. */
  readonly envFiles?: readonly { readonly file: string; readonly text: string }[];
  /** A vars file: a YAML map laid over `vars`. */
  readonly varsFile?: { readonly file: string; readonly text: string };
  /** Names of enabled options; their vars and package changes are put in. */
  readonly buildOptions?: readonly string[];
  /** Whether steps may get all rights where the file adds capabilities that they do not usually have. Default false. */
  readonly insecure?: boolean;
  /** Whether findings that do not stop a build are reported too. Default true. */
  readonly warnings?: boolean;
}
