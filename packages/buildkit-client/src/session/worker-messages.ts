import type { MessagePort } from 'node:worker_threads';
import { buildError, isBuildError } from '@melange2/diagnostics';
import type { Endpoint } from '../endpoint.ts';
import { ConnectionError } from '../grpc/grpc-error.ts';
import type { SessionTransfer } from '../session-contract.ts';
import { sessionErrors, type SessionErrorDetails } from './errors.ts';
import type { SessionIdentity } from './run-session.ts';
import type { SessionPlan } from './session-host.ts';
import { StatusError, statusOf } from './status-error.ts';

/** Begins a session; everything that is said of it goes through the port. */
export interface StartSession {
  readonly type: 'start';
  readonly port: MessagePort;
  readonly endpoint: Endpoint;
  readonly identity: SessionIdentity;
  readonly plan: SessionPlan;
}

/** What the thread itself is told; `end` when no session runs in it and none will. */
export type ToThread = StartSession | { readonly type: 'end' };

/** What the caller's thread tells the worker of one session. */
export type ToWorker =
  | { readonly type: 'answer'; readonly question: number; readonly value: unknown }
  | { readonly type: 'refusal'; readonly question: number; readonly error: ErrorRecord }
  /** So many bytes of an export have been taken. */
  | { readonly type: 'taken'; readonly sink: number; readonly bytes: number }
  | { readonly type: 'sinkFailed'; readonly sink: number; readonly error: ErrorRecord }
  | { readonly type: 'close' };

/** What the worker tells the caller's thread of one session. The last is `notOffered` or `closed`. */
export type FromWorker =
  | { readonly type: 'offered'; readonly methods: readonly string[] }
  | { readonly type: 'notOffered'; readonly error: ErrorRecord }
  | ({ readonly type: 'question'; readonly question: number } & Question)
  | {
      readonly type: 'openExport';
      readonly sink: number;
      readonly index: number;
      readonly metadata: Readonly<Record<string, string>>;
    }
  | { readonly type: 'write'; readonly sink: number; readonly bytes: Uint8Array }
  | { readonly type: 'abortExport'; readonly sink: number; readonly error: ErrorRecord }
  | { readonly type: 'closeUpload'; readonly upload: number }
  | { readonly type: 'transfer'; readonly transfer: SessionTransfer }
  | { readonly type: 'failure'; readonly error: ErrorRecord }
  | {
      readonly type: 'closed';
      readonly reason: ErrorRecord | undefined;
      /** Nothing of the session runs any more. */
      readonly isIdle: boolean;
    };

/** A question with its arguments; `answer` or `refusal` follows. */
export type Question =
  | { readonly what: 'secret'; readonly args: readonly [id: string] }
  | { readonly what: 'credentials'; readonly args: readonly [host: string] }
  | { readonly what: 'checkPolicy'; readonly args: readonly [request: unknown] }
  | {
      readonly what: 'findExporters';
      readonly args: readonly [metadata: ReadonlyMap<string, Uint8Array>, refs: readonly string[]];
    }
  | { readonly what: 'finalizeExport'; readonly args: readonly [response: Readonly<Record<string, string>>] }
  | { readonly what: 'openUpload'; readonly args: readonly [id: string, upload: number] }
  /** Answered with bytes, or `undefined` at the end. */
  | { readonly what: 'pullUpload'; readonly args: readonly [upload: number] }
  | { readonly what: 'endExport'; readonly args: readonly [sink: number] };

/** An error in a form that crosses threads: classes and extra fields do not. */
export type ErrorRecord =
  | { readonly kind: 'build'; readonly code: string; readonly details: unknown; readonly cause?: ErrorRecord }
  | {
      readonly kind: 'connection';
      readonly reason: ConnectionError['reason'];
      readonly message: string;
      readonly inFlight: readonly string[];
    }
  | { readonly kind: 'status'; readonly code: number; readonly message: string }
  | { readonly kind: 'other'; readonly message: string; readonly stack: string | undefined };

/** Takes an error apart. */
export function recordOf(error: unknown): ErrorRecord {
  if (isBuildError(error) && Object.hasOwn(sessionErrors, error.code))
    return {
      kind: 'build',
      code: error.code,
      details: error.details,
      ...(error.cause === undefined ? {} : { cause: recordOf(error.cause) }),
    };
  if (error instanceof ConnectionError)
    return { kind: 'connection', reason: error.reason, message: error.message, inFlight: error.inFlight };
  if (error instanceof StatusError) return { kind: 'status', code: error.code, message: error.message };
  if (error instanceof Error) return { kind: 'other', message: error.message, stack: error.stack };
  return { kind: 'other', message: String(error), stack: undefined };
}

/** Puts an error together again. */
export function errorOf(record: ErrorRecord): Error {
  switch (record.kind) {
    case 'build': {
      const code = record.code as keyof SessionErrorDetails;
      return buildError(sessionErrors, code, record.details as never, {
        cause: record.cause === undefined ? undefined : errorOf(record.cause),
      });
    }
    case 'connection':
      return new ConnectionError(record.reason, record.message, record.inFlight);
    case 'status':
      return new StatusError(record.code, record.message);
    case 'other': {
      const error = new Error(record.message);
      if (record.stack !== undefined) error.stack = record.stack;
      return error;
    }
  }
}

/** What the daemon is told of an error of the caller; the error itself stays in the caller's thread. */
export function refusalOf(error: unknown): ErrorRecord {
  const { code, text } = statusOf(error);
  return { kind: 'status', code, message: text };
}
