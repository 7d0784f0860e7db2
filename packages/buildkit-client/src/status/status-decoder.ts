import type { control, protobuf } from '@melange2/proto';
import type { SourcePosition } from '../failure/solve-failure.ts';
import type { StatusEvent } from './status-event.ts';

/** A vertex as the status stream has told of it so far. */
export interface VertexState {
  readonly digest: string;
  readonly name: string;
  readonly inputs: readonly string[];
  /** The intervals it ran in, by start time; an open one has no end. */
  readonly intervals: readonly VertexInterval[];
  /** True when some interval was cached and none failed. */
  readonly cached: boolean;
  /** The last failure that was told. */
  readonly error: string | undefined;
}

export interface VertexInterval {
  readonly startedMs: number;
  readonly completedMs: number | undefined;
  readonly cached: boolean;
}

/** Turns the messages of one status stream into events, and keeps what a failure has to know of each vertex. */
export interface StatusDecoder {
  /** Takes the next message. Repetitions of what is known give no events. */
  readonly push: (message: control.StatusResponse) => readonly StatusEvent[];
  /** All vertices so far, in order of appearance. */
  readonly vertices: () => readonly VertexState[];
}

interface Tracked {
  name: string;
  inputs: readonly string[];
  grouped: boolean;
  /** By start time in nanoseconds. Keeps the few that a vertex has. */
  intervals: Map<bigint, { completed: bigint | undefined; cached: boolean; error: string }>;
  cached: boolean;
  error: string | undefined;
}

/**
 * Makes a decoder for one stream.
 *
 * Memory grows with the number of vertices, not with logs or progress.
 */
export function statusDecoder(): StatusDecoder {
  const known = new Map<string, Tracked>();
  return {
    push(message) {
      const events: StatusEvent[] = [];
      for (const vertex of message.vertexes) pushVertex(known, vertex, events);
      for (const status of message.statuses) {
        const started = nanoseconds(status.started);
        const completed = nanoseconds(status.completed);
        events.push({
          type: 'vertexProgress',
          vertex: status.vertex,
          id: status.ID,
          name: status.name,
          current: Number(status.current),
          total: Number(status.total),
          atMs: milliseconds(nanoseconds(status.timestamp) ?? 0n),
          ...(started === undefined ? {} : { startedMs: milliseconds(started) }),
          ...(completed === undefined ? {} : { completedMs: milliseconds(completed) }),
        });
      }
      for (const log of message.logs) {
        events.push({
          type: 'vertexLog',
          vertex: log.vertex,
          stream: log.stream === 2n ? 'stderr' : 'stdout',
          bytes: log.msg,
          atMs: milliseconds(nanoseconds(log.timestamp) ?? 0n),
        });
      }
      for (const warning of message.warnings) {
        events.push({
          type: 'vertexWarning',
          vertex: warning.vertex,
          level: Number(warning.level),
          short: text(warning.short),
          detail: warning.detail.map(text),
          url: warning.url,
          ...(warning.info === undefined ? {} : { file: warning.info.filename }),
          ranges: warning.ranges.map(({ start, end }) => ({ start: position(start), end: position(end) })),
        });
      }
      return events;
    },
    vertices: () =>
      [...known].map(([digest, vertex]) => ({
        digest,
        name: vertex.name,
        inputs: vertex.inputs,
        intervals: [...vertex.intervals]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([started, { completed, cached }]) => ({
            startedMs: milliseconds(started),
            completedMs: completed === undefined ? undefined : milliseconds(completed),
            cached,
          })),
        cached: vertex.cached && vertex.error === undefined,
        error: vertex.error,
      })),
  };
}

function pushVertex(known: Map<string, Tracked>, vertex: control.Vertex, events: StatusEvent[]): void {
  const { digest } = vertex;
  let tracked = known.get(digest);
  const group = vertex.progressGroup;
  // The group of a vertex may be told later than the vertex itself.
  if (tracked === undefined || (group !== undefined && !tracked.grouped)) {
    events.push({
      type: 'vertexAdded',
      vertex: digest,
      name: vertex.name,
      inputs: vertex.inputs,
      ...(group === undefined ? {} : { group: { id: group.id, name: group.name, weak: group.weak } }),
    });
  }
  if (tracked === undefined) {
    tracked = {
      name: vertex.name,
      inputs: vertex.inputs,
      grouped: false,
      intervals: new Map(),
      cached: false,
      error: undefined,
    };
    known.set(digest, tracked);
  }
  if (group !== undefined) tracked.grouped = true;
  if (vertex.cached) tracked.cached = true;
  if (vertex.error !== '') tracked.error = vertex.error;

  const started = nanoseconds(vertex.started);
  const completed = nanoseconds(vertex.completed);
  if (started === undefined) {
    if (vertex.error !== '' || completed !== undefined) endWithoutStart(tracked, vertex, completed, events);
    return;
  }
  let interval = tracked.intervals.get(started);
  if (interval === undefined) {
    interval = { completed: undefined, cached: false, error: '' };
    tracked.intervals.set(started, interval);
    events.push({ type: 'vertexStarted', vertex: digest, startedMs: milliseconds(started) });
  }
  if (completed === undefined) return;
  if (
    interval.completed === completed &&
    interval.error === vertex.error &&
    interval.cached === vertex.cached
  )
    return;
  interval.completed = completed;
  interval.cached = vertex.cached;
  interval.error = vertex.error;
  events.push({
    type: 'vertexCompleted',
    vertex: digest,
    startedMs: milliseconds(started),
    completedMs: milliseconds(completed),
    cached: vertex.cached,
    ...(vertex.error === '' ? {} : { error: vertex.error }),
  });
}

/** A vertex that fails before it runs has an end and no start; the end stands for both. */
function endWithoutStart(
  tracked: Tracked,
  vertex: control.Vertex,
  completed: bigint | undefined,
  events: StatusEvent[],
): void {
  if (completed === undefined || tracked.intervals.has(completed)) return;
  tracked.intervals.set(completed, { completed, cached: vertex.cached, error: vertex.error });
  const atMs = milliseconds(completed);
  events.push({
    type: 'vertexCompleted',
    vertex: vertex.digest,
    startedMs: atMs,
    completedMs: atMs,
    cached: vertex.cached,
    ...(vertex.error === '' ? {} : { error: vertex.error }),
  });
}

function nanoseconds(at: protobuf.Timestamp | undefined): bigint | undefined {
  if (at === undefined) return undefined;
  return at.seconds * 1_000_000_000n + BigInt(at.nanos);
}

function milliseconds(nanos: bigint): number {
  return Number(nanos / 1000n) / 1000;
}

function position(at: { readonly line: number; readonly character: number } | undefined): SourcePosition {
  return { line: at?.line ?? 0, character: at?.character ?? 0 };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
