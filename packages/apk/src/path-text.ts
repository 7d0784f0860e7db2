import { isUtf8 } from 'node:buffer';

/**
 * Decodes a file name, link target or owner name from its bytes.
 *
 * Bytes that are not UTF-8 become lone surrogates U+DC80 to U+DCFF, so that {@link encodePath} gives
 * exactly the same bytes back. Names in a tar archive are bytes; most, not all, are UTF-8.
 */
export function decodePath(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString('utf8');
  let out = '';
  for (let at = 0; at < buffer.length;) {
    const length = sequenceLength(buffer, at);
    out +=
      length === 0
        ? String.fromCharCode(0xdc00 + (buffer[at] ?? 0))
        : buffer.toString('utf8', at, at + length);
    at += Math.max(1, length);
  }
  return out;
}

/** Encodes what {@link decodePath} gave into the same bytes; any other lone surrogate becomes U+FFFD. */
export function encodePath(text: string): Buffer {
  if (!/\p{Cs}/u.test(text)) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    parts.push(code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(char, 'utf8'));
  }
  return Buffer.concat(parts);
}

/** Orders texts by their bytes in UTF-8, as Go and C do; JavaScript's own order is that of UTF-16. */
export function compareBytes(a: string, b: string): number {
  if (/[\ud800-\uffff]/.test(a) && /[\ud800-\uffff]/.test(b)) {
    return Buffer.compare(encodePath(a), encodePath(b));
  }
  if (/[\udc80-\udcff]/.test(a) || /[\udc80-\udcff]/.test(b)) {
    return Buffer.compare(encodePath(a), encodePath(b));
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Orders paths as a depth-first walk meets them: component by component, each by its bytes. */
export function comparePaths(a: string, b: string): number {
  const left = a.split('/');
  const right = b.split('/');
  for (let i = 0; i < left.length && i < right.length; i++) {
    const order = compareBytes(left[i] ?? '', right[i] ?? '');
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function sequenceLength(buffer: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= buffer.length; length++) {
    if (isUtf8(buffer.subarray(at, at + length))) return length;
  }
  return 0;
}
