import type { SourcePosition } from '../failure/solve-failure.ts';

interface OfVertex {
  /** Digest of the vertex. */
  readonly vertex: string;
}

/** A vertex became known. It comes before every other event of the vertex; vertices that never start have only this. */
export interface VertexAdded extends OfVertex {
  readonly type: 'vertexAdded';
  readonly name: string;
  readonly inputs: readonly string[];
  /** Vertices of one group are one thing to people. */
  readonly group?: { readonly id: string; readonly name: string; readonly weak: boolean };
}

/** A vertex began to run, or to be looked up. A vertex can start several times. */
export interface VertexStarted extends OfVertex {
  readonly type: 'vertexStarted';
  /** Milliseconds since the Unix epoch by the daemon's clock, with fractions. Names the interval. */
  readonly startedMs: number;
}

/** One interval of a vertex is over. The vertex is done when the last one is. */
export interface VertexCompleted extends OfVertex {
  readonly type: 'vertexCompleted';
  readonly startedMs: number;
  readonly completedMs: number;
  readonly cached: boolean;
  /** Why it failed; `… context canceled` when the build was stopped. */
  readonly error?: string;
}

/** Output of a vertex as it came: half lines, several lines, bytes that are no text. */
export interface VertexLog extends OfVertex {
  readonly type: 'vertexLog';
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Uint8Array;
  readonly atMs: number;
}

/** Progress of something inside a vertex: a layer, a transfer. */
export interface VertexProgress extends OfVertex {
  readonly type: 'vertexProgress';
  /** Names it within the vertex. */
  readonly id: string;
  readonly name: string;
  readonly current: number;
  /** 0 when it is not known. */
  readonly total: number;
  readonly atMs: number;
  readonly startedMs?: number;
  readonly completedMs?: number;
}

/** What a frontend or the daemon wants people to know. */
export interface VertexWarning {
  readonly type: 'vertexWarning';
  /** Empty when the warning belongs to no vertex. */
  readonly vertex: string;
  readonly level: number;
  readonly short: string;
  readonly detail: readonly string[];
  readonly url: string;
  readonly file?: string;
  readonly ranges: readonly { readonly start: SourcePosition; readonly end: SourcePosition }[];
}

/** What happens in a build, in the order the daemon tells it. A closed union; `type` tells them apart. */
export type StatusEvent =
  | VertexAdded
  | VertexStarted
  | VertexCompleted
  | VertexLog
  | VertexProgress
  | VertexWarning;
