/** Bits of the code of each byte, and of the end of the string (RFC 7541, appendix B): the code follows from them. */
const bitsOfSymbol = [
  [13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28],
  [28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  [6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6],
  [5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10],
  [13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7],
  [7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6],
  [15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5],
  [6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28],
  [20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23],
  [24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24],
  [22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23],
  [21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23],
  [26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25],
  [19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27],
  [20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23],
  [26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26],
  [30],
].flat();
const endOfString = 256;
const maxBits = 30;

interface Codes {
  /** Of each number of bits: the first code, how many there are, and where their symbols begin. */
  readonly first: Uint32Array;
  readonly count: Uint32Array;
  readonly start: Uint32Array;
  readonly symbols: Uint16Array;
}

let codes: Codes | undefined;

/** Codes of one length follow each other in the order of their symbols, longer ones behind shorter ones. */
function makeCodes(): Codes {
  const first = new Uint32Array(maxBits + 1);
  const count = new Uint32Array(maxBits + 1);
  const start = new Uint32Array(maxBits + 1);
  const symbols = new Uint16Array(bitsOfSymbol.length);
  for (const bits of bitsOfSymbol) count[bits]!++;
  for (let bits = 1; bits <= maxBits; bits++) {
    first[bits] = (first[bits - 1]! + count[bits - 1]!) * 2;
    start[bits] = start[bits - 1]! + count[bits - 1]!;
  }
  const next = start.slice();
  for (const [symbol, bits] of bitsOfSymbol.entries()) symbols[next[bits]!++] = symbol;
  return { first, count, start, symbols };
}

/** Decodes a string; `undefined` when it is not one. */
export function decodeHuffman(encoded: Uint8Array): Buffer | undefined {
  const { first, count, start, symbols } = (codes ??= makeCodes());
  // The shortest code has five bits.
  const out = Buffer.allocUnsafe(Math.floor((encoded.length * 8) / 5));
  let length = 0;
  let code = 0;
  let bits = 0;
  for (const byte of encoded) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + ((byte >>> bit) & 1);
      bits++;
      const index = code - first[bits]!;
      if (index < count[bits]!) {
        const symbol = symbols[start[bits]! + index]!;
        if (symbol === endOfString) return undefined;
        out[length++] = symbol;
        code = 0;
        bits = 0;
      } else if (bits === maxBits) return undefined;
    }
  }
  // What fills the last byte is less than a byte, and the beginning of the end of the string: ones.
  if (bits > 7 || code !== 2 ** bits - 1) return undefined;
  return out.subarray(0, length);
}
