import { control, type rpc } from '@melange2/proto';
import { milliseconds } from './disk-usage.ts';

/** A build that the daemon remembers. */
export interface BuildRecord {
  readonly ref: string;
  readonly frontend: string;
  readonly frontendAttrs: ReadonlyMap<string, string>;
  readonly exporters: readonly string[];
  readonly exporterResponse: ReadonlyMap<string, string>;
  readonly createdMs: number | undefined;
  /** Absent while it runs. */
  readonly completedMs: number | undefined;
  readonly error: { readonly code: number; readonly message: string } | undefined;
  readonly pinned: boolean;
  readonly cachedSteps: number;
  readonly completedSteps: number;
  readonly totalSteps: number;
  readonly warnings: number;
  /** Digests of what the daemon has kept, for its content store. */
  readonly logs: string | undefined;
  readonly trace: string | undefined;
}

export interface BuildHistoryEvent {
  readonly type: 'started' | 'completed' | 'deleted';
  readonly record: BuildRecord;
}

export interface HistoryOptions {
  readonly ref?: string;
  readonly activeOnly?: boolean;
  /** End when what is there has been told, instead of waiting for what comes. */
  readonly earlyExit?: boolean;
  /** `history.filter`, 0.17 and later. */
  readonly filter?: readonly string[];
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** Reads an event from the wire; one without a record is `undefined`. */
export function readHistoryEvent(event: control.BuildHistoryEvent): BuildHistoryEvent | undefined {
  if (event.record === undefined) return undefined;
  const types = control.BuildHistoryEventType;
  const type =
    event.type === types.STARTED ? 'started' : event.type === types.COMPLETE ? 'completed' : 'deleted';
  return { type, record: readRecord(event.record) };
}

function readRecord(record: control.BuildHistoryRecord): BuildRecord {
  return {
    ref: record.Ref,
    frontend: record.Frontend,
    frontendAttrs: record.FrontendAttrs,
    exporters: record.Exporters.map(({ Type }) => Type),
    exporterResponse: record.ExporterResponse,
    createdMs: milliseconds(record.CreatedAt),
    completedMs: milliseconds(record.CompletedAt),
    error: readError(record.error),
    pinned: record.pinned,
    cachedSteps: record.numCachedSteps,
    completedSteps: record.numCompletedSteps,
    totalSteps: record.numTotalSteps,
    warnings: record.numWarnings,
    logs: record.logs?.digest,
    trace: record.trace?.digest,
  };
}

function readError(error: rpc.Status | undefined): BuildRecord['error'] {
  return error === undefined || (error.code === 0 && error.message === '')
    ? undefined
    : { code: error.code, message: error.message };
}
