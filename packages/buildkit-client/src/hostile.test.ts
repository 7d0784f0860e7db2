import { isBuildError } from '@melange2/diagnostics';
import { encode, rpc, type control } from '@melange2/proto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromWireError } from './errors.ts';
import { readSolveFailure, withFailedVertex } from './failure/solve-failure.ts';
import { decodeGrpcMessage, GrpcError } from './grpc/grpc-error.ts';
import { deframer, frame } from './grpc/message-frames.ts';
import { logLines } from './status/log-lines.ts';
import { statusDecoder } from './status/status-decoder.ts';

const bytes = fc.uint8Array({ maxLength: 300 });

/** Cuts bytes at these places. */
function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (whole.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...at].map((from, i) => whole.subarray(from, at[i] ?? whole.length));
}

describe('whatever a daemon sends', () => {
  test('messages come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(bytes), fc.array(fc.nat()), (messages, places) => {
        const { push, empty } = deframer(1 << 20);
        const stream = Buffer.concat(messages.map(frame));
        const out = cut(stream, places).flatMap((chunk) => [...push(chunk)]);
        expect(out.map((message) => [...message])).toEqual(messages.map((message) => [...message]));
        expect(empty()).toBe(true);
      }),
    );
  });

  test('log lines are the same, however the log is cut', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.array(fc.nat()), (text, places) => {
        const lines = (chunks: readonly Buffer[]): string[] => {
          const assembler = logLines();
          const log = { type: 'vertexLog', vertex: 'v', stream: 'stdout', atMs: 0 } as const;
          return chunks
            .flatMap((chunk) => [...assembler.push({ ...log, bytes: chunk })])
            .concat(assembler.flush())
            .map((line) => line.text);
        };
        const whole = Buffer.from(text);
        expect(lines(cut(whole, places))).toEqual(lines([whole]));
      }),
    );
  });

  test('details of an error never break the error', () => {
    fc.assert(
      fc.property(fc.string(), bytes, (message, detailBytes) => {
        expect(readSolveFailure(2, message, detailBytes).text).toBe(message);
      }),
    );
    const kinds = [
      'stack.Stack',
      'errdefs.Vertex',
      'errdefs.Source',
      'errdefs.Solve',
      'gatewayapi.ExitMessage',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.jsonValue(), (kind, json) => {
        const value = Buffer.from(JSON.stringify(json));
        const details = [{ type_url: `github.com/moby/buildkit/${kind}+json`, value }];
        const failure = readSolveFailure(2, 'text', encode(rpc.Status, { code: 2, details }));
        expect(
          failure.places.every(({ file, text }) => typeof file === 'string' && typeof text === 'string'),
        ).toBe(true);
      }),
    );
  });

  test('a grpc-message with broken escapes is still a text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(typeof decodeGrpcMessage(text)).toBe('string');
        expect(decodeGrpcMessage(encodeURIComponent(text.toWellFormed()))).toBe(text.toWellFormed());
      }),
    );
  });

  test('a vertex that comes without what belongs to it is told as far as it goes', () => {
    const decoder = statusDecoder();
    const empty = {
      digest: '',
      inputs: [],
      name: '',
      cached: false,
      started: undefined,
      completed: undefined,
      error: 'lost',
      progressGroup: undefined,
    } satisfies control.Vertex;
    const completed = { seconds: 5n, nanos: 0 };
    const events = decoder.push({
      vertexes: [empty, { ...empty, completed }],
      statuses: [],
      logs: [{ vertex: 'unknown', timestamp: undefined, stream: 7n, msg: Buffer.from('x') }],
      warnings: [],
    });
    expect(events.map(({ type }) => type)).toEqual(['vertexAdded', 'vertexCompleted', 'vertexLog']);
    expect(withFailedVertex(readSolveFailure(2, 'x', undefined), decoder.vertices()).vertex).toEqual({
      digest: '',
      name: '',
    });
  });

  test('its words cannot steer a terminal', () => {
    const error = fromWireError(
      new GrpcError(2, '\u001B]0;title\u0007\u001B[31mred\u202Egnp', '/a.B/C'),
      'unix:///x',
    );
    expect(isBuildError(error) && error.message).toBe(
      'The BuildKit daemon at unix:///x answered B.C with "]0;title[31mredgnp" (unknown).',
    );
  });
});
