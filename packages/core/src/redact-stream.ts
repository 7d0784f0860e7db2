import type { Redactor } from '@melange2/diagnostics';

/** A line may be longer; then a secret across the cut is not seen. */
const longestLine = 1 << 20;

/**
 * Takes secrets out of a log on its way to a file, whole lines at a time. Everything else, also what is no text, stays
 * as it is byte by byte.
 */
export function redactStream(
  redactor: Redactor,
): (chunks: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array> {
  return async function* (chunks) {
    let rest = '';
    // Latin 1 gives each byte a character and back, so that bytes that are no UTF-8 survive.
    const cleaned = (text: string): Buffer => Buffer.from(redactor.redact(text), 'latin1');
    for await (const chunk of chunks) {
      const text = rest + Buffer.from(chunk).toString('latin1');
      const end = text.length > longestLine ? text.length : text.lastIndexOf('\n') + 1;
      rest = text.slice(end);
      if (end > 0) yield cleaned(text.slice(0, end));
    }
    if (rest !== '') yield cleaned(rest);
  };
}
