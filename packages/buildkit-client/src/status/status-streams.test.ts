import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { control, decode, errdefs, gateway, stack, type MessageType } from '@melange2/proto';
import { describe, expect, test } from 'vitest';
import { fromProtoJson } from '../failure/proto-json.ts';
import { readSolveFailure, withFailedVertex } from '../failure/solve-failure.ts';
import { logLines } from './log-lines.ts';
import { statusDecoder } from './status-decoder.ts';
import type { StatusEvent } from './status-event.ts';

const folder = process.env['MELANGE2_VECTORS'] ?? join(import.meta.dirname, '../../../../../shared/vectors');
const file = join(folder, 'llb/status-streams.json');
const present = existsSync(file);
if (!present) process.stderr.write(`skipped: there are no recorded status streams at ${file}\n`);

interface Outcome {
  readonly code: number;
  readonly message: string;
  readonly statusDetailsBin?: string;
  readonly details?: readonly { readonly typeUrl: string; readonly value: unknown }[];
}
interface Summary {
  readonly digest: string;
  readonly name: string;
  readonly inputs?: readonly string[];
  readonly starts: number;
  readonly completed: boolean;
  readonly cached?: boolean;
  readonly error?: string;
  readonly progressGroup?: { readonly id: string; readonly name: string; readonly weak: boolean };
  readonly logs?: readonly {
    readonly stream: number;
    readonly bytes: number;
    readonly chunks: number;
    readonly sha256: string;
  }[];
  readonly statuses?: readonly {
    readonly id: string;
    readonly updates: number;
    readonly current: number;
    readonly total: number;
    readonly completed: boolean;
  }[];
  readonly warnings?: number;
}
interface Stream {
  readonly name: string;
  readonly encoding: string;
  readonly messages: readonly { readonly ms: number; readonly data: string }[];
  readonly solve: Outcome;
  readonly gatewaySolve?: Outcome;
  readonly vertices: readonly Summary[];
}

const streams = present
  ? (JSON.parse(readFileSync(file, 'utf8')) as { readonly streams: readonly Stream[] }).streams
  : [];

function eventsOf(stream: Stream): { events: StatusEvent[]; decoder: ReturnType<typeof statusDecoder> } {
  const decoder = statusDecoder();
  const events: StatusEvent[] = [];
  for (const { data } of stream.messages) {
    const bytes = Buffer.from(data, 'base64');
    const plain = stream.encoding.startsWith('gzip') ? gunzipSync(bytes) : bytes;
    events.push(...decoder.push(decode(control.StatusResponse, plain)));
  }
  return { events, decoder };
}

/** Sums the events of one vertex up as the recorder did. */
function summarise(digest: string, events: readonly StatusEvent[]): Partial<Summary> {
  const own = events.filter((event) => event.vertex === digest);
  const of = <Type extends StatusEvent['type']>(type: Type): Extract<StatusEvent, { type: Type }>[] =>
    own.filter((event): event is Extract<StatusEvent, { type: Type }> => event.type === type);
  const added = of('vertexAdded');
  const completed = of('vertexCompleted');
  const group = added.at(-1)?.group;
  const logs = (['stdout', 'stderr'] as const).flatMap((name, index) => {
    const chunks = of('vertexLog').filter(({ stream }) => stream === name);
    const hash = createHash('sha256');
    for (const { bytes } of chunks) hash.update(bytes);
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
    return chunks.length === 0
      ? []
      : [{ stream: index + 1, bytes, chunks: chunks.length, sha256: hash.digest('hex') }];
  });
  const ids = [...new Set(of('vertexProgress').map(({ id }) => id))];
  const statuses = ids.map((id) => {
    const updates = of('vertexProgress').filter((event) => event.id === id);
    const last = updates.at(-1)!;
    return {
      id,
      updates: updates.length,
      current: last.current,
      total: last.total,
      completed: last.completedMs !== undefined,
    };
  });
  const warnings = of('vertexWarning').length;
  const error = completed.findLast((event) => event.error !== undefined)?.error;
  return {
    name: added[0]?.name ?? '',
    ...(added[0] === undefined || added[0].inputs.length === 0 ? {} : { inputs: added[0].inputs }),
    starts: of('vertexStarted').length,
    completed: completed.length > 0,
    ...(completed.at(-1)?.cached === true ? { cached: true } : {}),
    ...(error === undefined ? {} : { error }),
    ...(group === undefined ? {} : { progressGroup: group }),
    ...(logs.length === 0 ? {} : { logs }),
    ...(statuses.length === 0 ? {} : { statuses }),
    ...(warnings === 0 ? {} : { warnings }),
  };
}

describe.skipIf(!present)('recorded status streams', () => {
  test.for(streams)('$name: the events add up to what the recorder saw', (stream) => {
    const { events } = eventsOf(stream);
    for (const { digest, ...recorded } of stream.vertices) {
      const { seen: _, ...expected } = recorded as Summary & { seen: number };
      const summary = summarise(digest, events);
      // The recorder left the inputs of some vertices out.
      const inputs = expected.inputs ?? summary.inputs;
      const logs = expected.logs?.toSorted((a, b) => a.stream - b.stream);
      expect.soft(summary, expected.name).toEqual({
        ...expected,
        ...(inputs === undefined ? {} : { inputs }),
        ...(logs === undefined ? {} : { logs }),
      });
    }
  });

  test.for(streams)('$name: a vertex is added before anything else is told of it', (stream) => {
    const { events } = eventsOf(stream);
    const known = new Set<string>(['']);
    for (const event of events) {
      if (event.type === 'vertexAdded') known.add(event.vertex);
      else expect(known.has(event.vertex)).toBe(true);
    }
  });

  test.for(streams)('$name: an interval is completed after it was started', (stream) => {
    const { events } = eventsOf(stream);
    const started = new Set<string>();
    for (const event of events) {
      if (event.type === 'vertexStarted') started.add(`${event.vertex} ${event.startedMs}`);
      if (event.type === 'vertexCompleted')
        expect(started.has(`${event.vertex} ${event.startedMs}`)).toBe(true);
    }
  });

  test.for(streams)('$name: log lines have all the bytes of the log that are text', (stream) => {
    const { events } = eventsOf(stream);
    const lines = logLines();
    const logs = events.filter((event) => event.type === 'vertexLog');
    const texts = logs.flatMap((log) => lines.push(log)).concat(lines.flush());
    const ends = Buffer.concat(logs.map(({ bytes }) => bytes)).filter((byte) => byte === 10).length;
    expect(texts.length).toBeGreaterThanOrEqual(ends);
    for (const { text } of texts) expect(text).not.toMatch(/[\n\r]/);
  });

  const failed = streams
    .flatMap(({ name, solve, gatewaySolve }) => [
      { name, outcome: solve },
      ...(gatewaySolve === undefined ? [] : [{ name: `${name}, gateway`, outcome: gatewaySolve }]),
    ])
    .filter(({ outcome }) => outcome.code !== 0);

  test.for(failed)('$name: every error detail is decoded', ({ outcome }) => {
    const failure = readSolveFailure(
      outcome.code,
      outcome.message,
      outcome.statusDetailsBin === undefined ? undefined : Buffer.from(outcome.statusDetailsBin, 'base64'),
    );
    const values = <T>(type: MessageType<T>, end: string): T[] =>
      (outcome.details ?? [])
        .filter(({ typeUrl }) => typeUrl.endsWith(end))
        .map(({ value }) => fromProtoJson(type, value));
    expect(failure.otherDetails).toEqual([]);
    expect(failure.text).toBe(outcome.message);
    expect(failure.stacks.map(({ frames }) => frames)).toEqual(
      values(stack.Stack, 'stack.Stack+json').map(({ frames }) =>
        frames.map((frame) => ({ name: frame.Name, file: frame.File, line: frame.Line })),
      ),
    );
    expect(failure.vertex?.digest).toBe(values(errdefs.Vertex, 'errdefs.Vertex+json').at(-1)?.digest);
    expect(failure.exitCode).toBe(values(gateway.ExitMessage, 'gatewayapi.ExitMessage+json').at(-1)?.Code);
    expect(failure.places.map(({ file: name, ranges }) => [name, ranges])).toEqual(
      values(errdefs.Source, 'errdefs.Source+json').map(({ info, ranges }) => [info?.filename, ranges]),
    );
    const step = values(errdefs.Solve, 'errdefs.Solve+json').at(-1);
    expect(failure.step?.inputIds).toEqual(step?.inputIDs);
    expect(failure.step?.mountIds).toEqual(step?.mountIDs);
    expect(failure.step?.op).toEqual(step?.op);
    expect(failure.step?.description).toEqual(step?.description);
  });

  test('the failing step, its place and its exit code are known from the details', () => {
    const stream = streams.find(({ name }) => name === 'gateway-exec-fails')!;
    const { code, message, statusDetailsBin } = stream.gatewaySolve!;
    const failure = withFailedVertex(
      readSolveFailure(code, message, Buffer.from(statusDetailsBin!, 'base64')),
      eventsOf(stream).decoder.vertices(),
    );
    expect(failure.vertex?.name).toBe('build');
    expect(failure.exitCode).toBe(42);
    expect(failure.places[0]?.ranges).toEqual([
      { start: { line: 6, character: 0 }, end: { line: 8, character: 0 } },
    ]);
    expect(failure.step?.mountIds).toHaveLength(2);
    expect(failure.step?.op?.op?.kind).toBe('exec');
  });

  test('without details, as old daemons answer, the failed vertex and its exit code come from the status', () => {
    const stream = streams.find(({ name }) => name === 'exec-fails')!;
    const failure = withFailedVertex(
      readSolveFailure(2, stream.solve.message, undefined),
      eventsOf(stream).decoder.vertices(),
    );
    expect(failure.exitCode).toBe(7);
    expect(failure.vertex?.name).toBe('configure');
    expect(failure.places).toEqual([]);
    expect(failure.step).toBeUndefined();
  });

  test('a vertex that runs several times keeps its intervals in the order of their starts', () => {
    const stream = streams.find(({ name }) => name === 'parallel')!;
    const { decoder } = eventsOf(stream);
    const many = decoder.vertices().find(({ intervals }) => intervals.length === 4)!;
    expect(many.name).toBe('fetch packages');
    const starts = many.intervals.map(({ startedMs }) => startedMs);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
  });
});
