/** One place where a daemon was looked for in vain. */
export interface DaemonAttempt {
  /** The address, or the program that would have been started. */
  readonly address: string;
  /** Why it was looked for there: `BUILDKIT_HOST`, `usual socket of buildkitd`, `docker context "x"`. */
  readonly origin: string;
  /** Why it cannot be used, without full stop. */
  readonly failure: string;
}
