import type { Places } from './places.ts';

/** How bots find new versions. Nothing in a build reads it. */
export interface Update {
  readonly enabled: boolean;
  readonly manual: boolean;
  readonly requireSequential: boolean;
  readonly shared: boolean;
  readonly versionSeparator: string;
  readonly ignoreRegexPatterns: readonly string[];
  readonly releaseMonitor: ReleaseMonitor | undefined;
  readonly github: GitHubMonitor | undefined;
  readonly git: GitMonitor | undefined;
  readonly oci: OciMonitor | undefined;
  readonly versionData: VersionData | undefined;
  readonly versionTransform: readonly VersionTransform[];
  readonly excludeReason: string;
  readonly schedule: Schedule | undefined;
  readonly enablePrereleaseTags: boolean;
  readonly at: Places;
}

export interface ReleaseMonitor {
  readonly identifier: number;
  readonly stripPrefix: string;
  readonly stripSuffix: string;
  readonly versionFilterContains: string;
  readonly versionFilterPrefix: string;
  readonly at: Places;
}

export interface GitMonitor {
  readonly stripPrefix: string;
  readonly stripSuffix: string;
  readonly tagFilterPrefix: string;
  readonly tagFilterContains: string;
  readonly at: Places;
}

export interface GitHubMonitor extends GitMonitor {
  /** `owner/repository`. */
  readonly identifier: string;
  readonly tagFilter: string;
  readonly useTag: boolean;
}

export interface OciMonitor extends GitMonitor {
  readonly identifier: string;
}

export interface VersionData {
  readonly versionFormat: string;
  readonly sources: readonly VersionSource[];
  readonly at: Places;
}

export interface VersionSource {
  readonly name: string;
  readonly stream: string;
  readonly ignore: readonly string[];
  readonly commitSource: string;
  readonly useRelease: boolean;
  readonly at: Places;
}

export interface VersionTransform {
  readonly match: string;
  readonly replace: string;
  readonly at: Places;
}

export interface Schedule {
  readonly reason: string;
  /** `daily`, `weekly` or `monthly`; not checked when parsed. */
  readonly period: string;
  readonly at: Places;
}
