import { isBuildError } from '@melange2/diagnostics';
import { grpcCode } from '../grpc/grpc-error.ts';

/** How a call of the daemon is to end that does not end well. */
export class StatusError extends Error {
  override readonly name: string = 'StatusError';
  readonly code: number;

  constructor(code: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

const codesOfErrors: Readonly<Record<string, number>> = {
  SESSION_DIR_MISSING: grpcCode.notFound,
  SESSION_PATTERN_INVALID: grpcCode.invalidArgument,
  SESSION_PATH_ESCAPES: grpcCode.permissionDenied,
  SESSION_PEER_INVALID: grpcCode.invalidArgument,
  SESSION_LIMIT_EXCEEDED: grpcCode.resourceExhausted,
  SESSION_DIGEST_MISMATCH: grpcCode.failedPrecondition,
  SESSION_CREDENTIALS_FAILED: grpcCode.unavailable,
  SESSION_TOKEN_REFUSED: grpcCode.unauthenticated,
};

/** Returns status code and text that the daemon is told for what a handler has thrown. */
export function statusOf(thrown: unknown): { readonly code: number; readonly text: string } {
  if (thrown instanceof StatusError) return { code: thrown.code, text: thrown.message };
  if (isBuildError(thrown))
    return { code: codesOfErrors[thrown.code] ?? grpcCode.unknown, text: thrown.message };
  return { code: grpcCode.unknown, text: thrown instanceof Error ? thrown.message : String(thrown) };
}
