import { TextDecoder } from 'node:util';
import type { VertexLog } from './status-event.ts';

export interface LogLine {
  readonly vertex: string;
  readonly stream: 'stdout' | 'stderr';
  /** One line without its end. A carriage return in the middle of a line starts it anew, as on a terminal. */
  readonly text: string;
  readonly atMs: number;
}

/** Makes lines of log chunks, for each vertex and stream by itself. */
export interface LogLines {
  /** Takes a chunk and returns the lines that are whole now. */
  readonly push: (log: VertexLog) => readonly LogLine[];
  /** Returns what is left without a line end, of one vertex or of all, and forgets it. */
  readonly flush: (vertex?: string) => readonly LogLine[];
}

/** A line longer than this is cut, so that output without line ends cannot fill the memory. */
const longestLine = 256 << 10;

/** Makes an assembler. Characters that are split between chunks are put together; broken UTF-8 becomes U+FFFD. */
export function logLines(): LogLines {
  const open = new Map<
    string,
    { vertex: string; stream: 'stdout' | 'stderr'; decoder: TextDecoder; rest: string; atMs: number }
  >();
  return {
    push({ vertex, stream, bytes, atMs }) {
      const key = `${stream} ${vertex}`;
      let state = open.get(key);
      if (state === undefined) {
        state = { vertex, stream, decoder: new TextDecoder(), rest: '', atMs };
        open.set(key, state);
      }
      state.atMs = atMs;
      const parts = (state.rest + state.decoder.decode(bytes, { stream: true })).split('\n');
      state.rest = parts.pop()!;
      const lines = parts.map((text) => ({ vertex, stream, text: visible(text), atMs }));
      if (state.rest.length > longestLine) {
        lines.push({ vertex, stream, text: visible(state.rest), atMs });
        state.rest = '';
      }
      return lines;
    },
    flush(only) {
      const lines: LogLine[] = [];
      for (const [key, { vertex, stream, decoder, rest, atMs }] of open) {
        if (only !== undefined && vertex !== only) continue;
        open.delete(key);
        const text = rest + decoder.decode();
        if (text !== '') lines.push({ vertex, stream, text: visible(text), atMs });
      }
      return lines;
    },
  };
}

/** What a terminal would show of the line: what follows the last carriage return that is not at the end. */
function visible(text: string): string {
  const line = text.endsWith('\r') ? text.slice(0, -1) : text;
  return line.includes('\r') ? line.slice(line.lastIndexOf('\r') + 1) : line;
}
