/** Data that are no xz, damaged, or packed in a way that is not known here. */
export class XzDamaged extends Error {
  override readonly name: string = 'XzDamaged';
}

/**
 * Unpacks xz data: any number of streams, LZMA2 only, checksums not verified.
 *
 * Made for kernel modules: small, and read for a few words. Node has nothing for xz.
 *
 * @throws {XzDamaged}
 * @see https://tukaani.org/xz/xz-file-format-1.2.1.txt
 */
export function unxz(input: Uint8Array, maxBytes: number): Uint8Array {
  const output = new Output(maxBytes);
  let at = 0;
  while (at < input.length) {
    at = readStream(input, at, output);
    // Streams may be parted by zeros, in fours.
    while (at < input.length && input[at] === 0) at++;
  }
  return output.bytes();
}

const checkBytes = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const LZMA2 = 0x21;

function readStream(input: Uint8Array, start: number, output: Output): number {
  const magic = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0];
  if (magic.some((byte, i) => input[start + i] !== byte)) throw new XzDamaged('no xz stream');
  const check = checkBytes[(input[start + 7] ?? 0) & 15] ?? 0;
  let at = start + 12;
  for (;;) {
    const headerBytes = ((input[at] ?? 0) + 1) * 4;
    if (input[at] === 0) break;
    let cursor = at + 2;
    const flags = input[at + 1] ?? 0;
    const integer = (): number => {
      let value = 0;
      for (let i = 0; i < 9; i++) {
        const byte = input[cursor++];
        if (byte === undefined) throw new XzDamaged('cut short');
        value += (byte & 0x7f) * 2 ** (7 * i);
        if ((byte & 0x80) === 0) break;
      }
      return value;
    };
    if ((flags & 0x40) !== 0) integer();
    if ((flags & 0x80) !== 0) integer();
    if ((flags & 3) !== 0) throw new XzDamaged('more than one filter');
    if (integer() !== LZMA2) throw new XzDamaged('another filter than LZMA2');
    const end = readLzma2(input, at + headerBytes, output);
    at = end + ((4 - ((end - at) % 4)) % 4) + check;
  }
  return indexEnd(input, at) + 12;
}

/** Skips the index at the end of a stream, without a look at what it says. */
function indexEnd(input: Uint8Array, start: number): number {
  let at = start + 1;
  const integer = (): number => {
    let value = 0;
    for (let i = 0; i < 9; i++) {
      const byte = input[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if ((byte & 0x80) === 0) break;
    }
    return value;
  };
  const records = integer();
  if (records > input.length) throw new XzDamaged('an index of impossible length');
  for (let i = 0; i < records * 2; i++) integer();
  return at + ((4 - ((at - start) % 4)) % 4) + 4;
}

function readLzma2(input: Uint8Array, start: number, output: Output): number {
  const lzma = new Lzma(output);
  for (let at = start; ;) {
    const control = input[at++];
    if (control === undefined) throw new XzDamaged('cut short');
    if (control === 0) return at;
    const size = (((input[at] ?? 0) << 8) | (input[at + 1] ?? 0)) + 1;
    if (control < 0x80) {
      if (control > 2) throw new XzDamaged('an unknown chunk');
      if (control === 1) output.resetDictionary();
      output.copyFrom(input, at + 2, size);
      at += 2 + size;
      continue;
    }
    const unpacked = size + ((control & 0x1f) << 16);
    const packed = (((input[at + 2] ?? 0) << 8) | (input[at + 3] ?? 0)) + 1;
    at += 4;
    const reset = (control >> 5) & 3;
    if (reset === 3) output.resetDictionary();
    if (reset >= 2) lzma.setProperties(input[at++] ?? 0);
    else if (reset === 1) lzma.resetState();
    lzma.decode(input, at, at + packed, unpacked);
    at += packed;
  }
}

/** Everything unpacked so far; it is the dictionary as well. */
class Output {
  readonly #max: number;
  #buffer = new Uint8Array(64 * 1024);
  #dictionary = 0;
  length = 0;

  constructor(max: number) {
    this.#max = max;
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }

  resetDictionary(): void {
    this.#dictionary = this.length;
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): Uint8Array {
    const needed = this.length + count;
    if (needed > this.#max) throw new XzDamaged('more than is believed');
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
      grown.set(this.#buffer.subarray(0, this.length));
      this.#buffer = grown;
    }
    return this.#buffer;
  }

  copyFrom(input: Uint8Array, at: number, count: number): void {
    if (at + count > input.length) throw new XzDamaged('cut short');
    this.reserve(count).set(input.subarray(at, at + count), this.length);
    this.length += count;
  }

  /** Whether so far back is still in the dictionary. */
  reaches(distance: number): boolean {
    return distance <= this.length - this.#dictionary;
  }
}

const HALF = 1024;
const states = 12;

/** Lengths of matches, as both kinds of match code them. */
interface LengthModel {
  readonly choice: Uint16Array;
  readonly low: Uint16Array;
  readonly mid: Uint16Array;
  readonly high: Uint16Array;
}

function lengthModel(): LengthModel {
  return {
    choice: model(2),
    low: model(16 * 8),
    mid: model(16 * 8),
    high: model(256),
  };
}

function model(size: number): Uint16Array {
  return new Uint16Array(size).fill(HALF);
}

/** The decoder of LZMA, whose state lives on from chunk to chunk. */
class Lzma {
  readonly #output: Output;
  #lc = 0;
  #lp = 0;
  #pb = 0;
  #state = 0;
  #reps: [number, number, number, number] = [0, 0, 0, 0];
  #literal = model(0);
  #isMatch = model(0);
  #isRep = model(0);
  #isRep0 = model(0);
  #isRep1 = model(0);
  #isRep2 = model(0);
  #isRep0Long = model(0);
  #slots = model(0);
  #special = model(0);
  #align = model(0);
  #matchLength = lengthModel();
  #repLength = lengthModel();

  #input: Uint8Array = new Uint8Array(0);
  #at = 0;
  #range = 0;
  #code = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  setProperties(byte: number): void {
    if (byte >= 9 * 5 * 5) throw new XzDamaged('impossible properties');
    this.#lc = byte % 9;
    this.#lp = Math.floor(byte / 9) % 5;
    this.#pb = Math.floor(byte / 45);
    if (this.#lc + this.#lp > 4) throw new XzDamaged('impossible properties');
    this.resetState();
  }

  resetState(): void {
    this.#state = 0;
    this.#reps = [0, 0, 0, 0];
    this.#literal = model(0x300 << (this.#lc + this.#lp));
    this.#isMatch = model(states << 4);
    this.#isRep = model(states);
    this.#isRep0 = model(states);
    this.#isRep1 = model(states);
    this.#isRep2 = model(states);
    this.#isRep0Long = model(states << 4);
    this.#slots = model(4 * 64);
    this.#special = model(128);
    this.#align = model(16);
    this.#matchLength = lengthModel();
    this.#repLength = lengthModel();
  }

  decode(input: Uint8Array, from: number, to: number, unpacked: number): void {
    if (to > input.length || this.#literal.length === 0) throw new XzDamaged('cut short');
    this.#input = input.subarray(0, to);
    this.#at = from + 5;
    this.#range = 0xffffffff;
    this.#code = 0;
    for (let i = 1; i < 5; i++) this.#code = ((this.#code << 8) | (input[from + i] ?? 0)) >>> 0;
    const output = this.#output;
    const buffer = output.reserve(unpacked);
    const end = output.length + unpacked;
    while (output.length < end) {
      const position = output.length & ((1 << this.#pb) - 1);
      const state = this.#state;
      if (this.#bit(this.#isMatch, (state << 4) + position) === 0) {
        buffer[output.length] = this.#decodeLiteral(buffer);
        output.length++;
        this.#state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
        continue;
      }
      let length: number;
      if (this.#bit(this.#isRep, state) === 0) {
        length = this.#length(this.#matchLength, position);
        this.#state = state < 7 ? 7 : 10;
        const distance = this.#distance(length);
        this.#reps = [distance, this.#reps[0], this.#reps[1], this.#reps[2]];
      } else {
        length = this.#repeat(state, position);
      }
      const distance = this.#reps[0] + 1;
      if (!output.reaches(distance) || output.length + length > end)
        throw new XzDamaged('an impossible match');
      for (let i = 0; i < length; i++) {
        buffer[output.length] = buffer[output.length - distance] ?? 0;
        output.length++;
      }
    }
  }

  #repeat(state: number, position: number): number {
    const [a, b, c, d] = this.#reps;
    if (this.#bit(this.#isRep0, state) === 0) {
      if (this.#bit(this.#isRep0Long, (state << 4) + position) === 0) {
        this.#state = state < 7 ? 9 : 11;
        return 1;
      }
    } else if (this.#bit(this.#isRep1, state) === 0) this.#reps = [b, a, c, d];
    else if (this.#bit(this.#isRep2, state) === 0) this.#reps = [c, a, b, d];
    else this.#reps = [d, a, b, c];
    this.#state = state < 7 ? 8 : 11;
    return this.#length(this.#repLength, position);
  }

  #decodeLiteral(buffer: Uint8Array): number {
    const at = this.#output.length;
    const previous = this.#output.reaches(1) ? (buffer[at - 1] ?? 0) : 0;
    const context = ((at & ((1 << this.#lp) - 1)) << this.#lc) + (previous >> (8 - this.#lc));
    const base = 0x300 * context;
    let symbol = 1;
    if (this.#state >= 7) {
      let match = buffer[at - this.#reps[0] - 1] ?? 0;
      while (symbol < 0x100) {
        const bit = (match >> 7) & 1;
        match = (match << 1) & 0xff;
        const got = this.#bit(this.#literal, base + ((1 + bit) << 8) + symbol);
        symbol = (symbol << 1) | got;
        if (bit !== got) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | this.#bit(this.#literal, base + symbol);
    return symbol & 0xff;
  }

  #length(lengths: LengthModel, position: number): number {
    if (this.#bit(lengths.choice, 0) === 0) return 2 + this.#tree(lengths.low, position * 8, 3);
    if (this.#bit(lengths.choice, 1) === 0) return 10 + this.#tree(lengths.mid, position * 8, 3);
    return 18 + this.#tree(lengths.high, 0, 8);
  }

  #distance(length: number): number {
    const slot = this.#tree(this.#slots, Math.min(length - 2, 3) * 64, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    let distance = (2 | (slot & 1)) * 2 ** bits;
    if (slot < 14) return distance + this.#reverse(this.#special, distance - slot, bits);
    for (let i = bits - 1; i >= 4; i--) distance += this.#direct() * 2 ** i;
    return distance + this.#reverse(this.#align, 0, 4);
  }

  #tree(models: Uint16Array, base: number, bits: number): number {
    let symbol = 1;
    for (let i = 0; i < bits; i++) symbol = (symbol << 1) | this.#bit(models, base + symbol);
    return symbol - (1 << bits);
  }

  #reverse(models: Uint16Array, base: number, bits: number): number {
    let symbol = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.#bit(models, base + symbol);
      symbol = (symbol << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  #bit(models: Uint16Array, index: number): 0 | 1 {
    const probability = models[index] ?? HALF;
    const bound = (this.#range >>> 11) * probability;
    let bit: 0 | 1 = 0;
    if (this.#code < bound) {
      this.#range = bound;
      models[index] = probability + ((2048 - probability) >> 5);
    } else {
      this.#range -= bound;
      this.#code -= bound;
      models[index] = probability - (probability >> 5);
      bit = 1;
    }
    this.#normalise();
    return bit;
  }

  #direct(): 0 | 1 {
    this.#range >>>= 1;
    const bit = this.#code >= this.#range ? 1 : 0;
    if (bit === 1) this.#code -= this.#range;
    this.#normalise();
    return bit;
  }

  #normalise(): void {
    if (this.#range >= 0x1000000) return;
    this.#range = (this.#range << 8) >>> 0;
    this.#code = ((this.#code << 8) | (this.#input[this.#at++] ?? 0)) >>> 0;
  }
}
