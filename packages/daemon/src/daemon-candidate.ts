import type { Endpoint } from '@melange2/buildkit-client';

/** A place where a daemon may be. */
export interface DaemonCandidate {
  readonly endpoint: Endpoint;
  /** Why it is looked for there, for messages. */
  readonly origin: string;
}

/** A place that is named in the configuration and cannot be used. */
export interface UnusableCandidate {
  readonly address: string;
  readonly origin: string;
  readonly failure: string;
}

/** The environment that names places: variables and the user's home. */
export interface DaemonEnvironment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}
