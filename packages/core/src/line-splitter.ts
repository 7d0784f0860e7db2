/** Puts chunks of output together to whole lines of text. */
export interface LineSplitter {
  /** The lines that this chunk completes, without their ends. */
  push(bytes: Uint8Array): string[];
  /** The last line, when it has no end. */
  end(): string[];
}

/** Longer lines are cut into pieces, so that output without line ends does not pile up. */
const longestLine = 1 << 20;

/** Makes a splitter. Lines end at LF or CR LF; a character may be spread over chunks; bytes that are no UTF-8 become `�`. */
export function lineSplitter(): LineSplitter {
  let decoder = new TextDecoder('utf-8');
  let rest = '';
  return {
    push(bytes) {
      const text = rest + decoder.decode(bytes, { stream: true });
      const lines = text.split('\n');
      rest = lines.pop() ?? '';
      const out = lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
      if (rest.length > longestLine) {
        out.push(rest);
        rest = '';
      }
      return out;
    },
    end() {
      const last = rest + decoder.decode();
      decoder = new TextDecoder('utf-8');
      rest = '';
      return last === '' ? [] : [last];
    },
  };
}
