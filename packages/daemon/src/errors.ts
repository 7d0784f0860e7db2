import type { ErrorCatalogue } from '@melange2/diagnostics';
import type { DaemonAttempt } from './daemon-attempt.ts';

interface Details {
  DAEMON_NOT_FOUND: { attempts: readonly DaemonAttempt[] };
  DAEMON_START_FAILED: { program: string; why: string; logFile: string; lastLines: readonly string[] };
}

// Codes are permanent: people search for them. Each has a page, docs/errors/<CODE>.md.
export const errors: ErrorCatalogue<Details> = {
  DAEMON_NOT_FOUND: {
    title: 'No BuildKit daemon was found',
    message: ({ attempts }) =>
      attempts.length === 1
        ? `The BuildKit daemon that was named does not answer:\n${attempts.map(attemptLine).join('\n')}`
        : `No BuildKit daemon was found. Tried, in this order:\n${attempts.map(attemptLine).join('\n')}`,
    hint: ({ attempts }) =>
      attempts.length === 1
        ? 'Start that daemon, or unset the variable or flag that names it, so that others are looked for.'
        : 'Start Docker or buildkitd, or name a daemon with BUILDKIT_HOST, for instance BUILDKIT_HOST=tcp://HOST:1234.',
  },
  DAEMON_START_FAILED: {
    title: 'A private BuildKit daemon could not be started',
    message: ({ program, why, lastLines }) =>
      `${program} did not start: ${why}.${lastLines.length === 0 ? '' : ` Its last words:\n${lastLines.map((line) => `  ${line}`).join('\n')}`}`,
    hint: ({ logFile }) => `Its whole log is ${logFile}.`,
  },
};

function attemptLine({ address, origin, failure }: DaemonAttempt): string {
  return `  ${address} (${origin}): ${failure}`;
}
