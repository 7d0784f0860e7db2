/** Names as OCI has them: `linux`, `amd64`, `v7`. */
export interface ImagePlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** How an image wants to be run. */
export interface ImageConfig {
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  /** `uid:gid` or a name. */
  readonly user: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
}
