/** What the process ends with; scripts may rely on it. */
export const exitCodes: Readonly<
  Record<'done' | 'failed' | 'usage' | 'unreachable' | 'bug' | 'interrupted', number>
> = {
  done: 0,
  /** A build, a test or an export failed. */
  failed: 1,
  /** Wrong usage, or a build file with problems. */
  usage: 2,
  /** No BuildKit daemon could be reached. */
  unreachable: 3,
  /** A mistake in melange2 itself. */
  bug: 70,
  /** Interrupted by the user. */
  interrupted: 130,
};

const byCode: readonly (readonly [prefix: RegExp, exit: number])[] = [
  [/^(BUILDKIT_(UNREACHABLE|CONNECTION_LOST)|DAEMON_(NOT_FOUND|START_FAILED))$/, exitCodes.unreachable],
  [/^(BUILD_CANCELED|BUILDKIT_CANCELED)$/, exitCodes.interrupted],
  [
    /^(CLI|CONFIG|PIPELINE|SHELL|PLUGIN)_|^BUILD_(FILE|DATE|QUANTITY)_INVALID$|^BUILD_ARCHITECTURE_UNKNOWN$|^HTTP_AUTH_INVALID$|^LINT_UNKNOWN$|^FILE_UNREADABLE$|^KEY_|^CACHE_(SPEC_INVALID|MOUNT_UNKNOWN|MOUNT_AMBIGUOUS|MOUNT_FOREIGN|ARCHIVE_INVALID)$/,
    exitCodes.usage,
  ],
];

/** The exit code for an error with this code. */
export function exitCodeOf(code: string): number {
  return byCode.find(([pattern]) => pattern.test(code))?.[1] ?? exitCodes.failed;
}
