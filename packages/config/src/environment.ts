import type { Places } from './places.ts';

/** What an environment is made of: an apko image configuration. */
export interface Environment {
  readonly contents: EnvironmentContents;
  readonly entrypoint: Entrypoint;
  readonly cmd: string;
  readonly stopSignal: string;
  readonly workDir: string;
  readonly accounts: Accounts;
  readonly archs: readonly string[];
  /** Variables of every step. */
  readonly environment: Readonly<Record<string, string>>;
  readonly paths: readonly PathMutation[];
  readonly vcsUrl: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly include: string;
  readonly volumes: readonly string[];
  readonly layering: Layering | undefined;
  readonly certificates: Certificates | undefined;
  readonly at: Places;
}

export interface EnvironmentContents {
  /** Repositories of the build container only. */
  readonly buildRepositories: readonly string[];
  readonly runtimeRepositories: readonly string[];
  readonly runtimeKeyring: readonly NamedContent[];
  readonly repositories: readonly string[];
  readonly keyring: readonly string[];
  readonly packages: readonly string[];
  readonly baseImage: BaseImage | undefined;
  readonly at: Places;
}

/** A file given by its text, such as a key or a certificate. */
export interface NamedContent {
  readonly name: string;
  readonly content: string;
  readonly at: Places;
}

export interface BaseImage {
  readonly image: string;
  readonly apkIndex: string;
  readonly at: Places;
}

export interface Entrypoint {
  readonly type: string;
  readonly command: string;
  readonly shellFragment: string;
  readonly services: Readonly<Record<string, string>>;
  readonly at: Places;
}

export interface Accounts {
  readonly runAs: string;
  readonly users: readonly User[];
  readonly groups: readonly Group[];
  readonly at: Places;
}

export interface User {
  readonly userName: string;
  readonly uid: number;
  /** `undefined`: the same as `uid`. */
  readonly gid: number | undefined;
  readonly shell: string;
  readonly homeDir: string;
  readonly at: Places;
}

export interface Group {
  readonly groupName: string;
  readonly gid: number;
  readonly members: readonly string[];
  readonly at: Places;
}

export interface PathMutation {
  readonly path: string;
  /** `directory`, `empty-file`, `hardlink`, `symlink` or `permissions`; not checked when parsed. */
  readonly type: string;
  readonly uid: number;
  readonly gid: number;
  /** Mode bits as a number. */
  readonly permissions: number;
  readonly source: string;
  readonly recursive: boolean;
  readonly at: Places;
}

export interface Layering {
  readonly strategy: string;
  readonly budget: number;
  readonly at: Places;
}

export interface Certificates {
  readonly additional: readonly NamedContent[];
  readonly at: Places;
}
