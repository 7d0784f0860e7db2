const encoder = new TextEncoder();

/**
 * Writes a message from its last byte to its first.
 *
 * A length stands before what it measures; backwards it is known when it is written, so nothing is
 * measured twice or moved.
 */
export class BackwardWriter {
  readonly #blockSize: number;
  #bytes: Uint8Array;
  #view: DataView;
  /** The message stands from here … */
  #start: number;
  /** … to here; behind it are messages that were taken before. */
  #end: number;

  constructor(blockSize: number) {
    this.#blockSize = blockSize;
    this.#bytes = new Uint8Array(blockSize);
    this.#view = new DataView(this.#bytes.buffer);
    this.#start = blockSize;
    this.#end = blockSize;
  }

  /** How many bytes have been written. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Returns a copy of what was written and starts anew. */
  copy(): Uint8Array {
    const result = this.#bytes.slice(this.#start, this.#end);
    this.#start = this.#end;
    return result;
  }

  /** Returns what was written, in the writer's own memory, and starts anew in front of it. */
  take(): Uint8Array {
    const result = this.#bytes.subarray(this.#start, this.#end);
    this.#end = this.#start;
    return result;
  }

  /** Forgets what was written. */
  reset(): void {
    this.#start = this.#end;
  }

  /** Size of the memory in bytes. */
  get capacity(): number {
    return this.#bytes.length;
  }

  #reserve(count: number): void {
    if (this.#start >= count) return;
    const used = this.#end - this.#start;
    const bytes = new Uint8Array(Math.max(this.#blockSize, 2 * (used + count)));
    bytes.set(this.#bytes.subarray(this.#start, this.#end), bytes.length - used);
    this.#bytes = bytes;
    this.#start = bytes.length - used;
    this.#end = bytes.length;
    this.#view = new DataView(bytes.buffer);
  }

  /** Writes an unsigned number below 2^53 as a varint. */
  varint(value: number): void {
    if (value < 0x80) {
      if (this.#start === 0) this.#reserve(1);
      this.#bytes[--this.#start] = value;
      return;
    }
    let size = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
    this.#reserve(size);
    this.#start -= size;
    let at = this.#start;
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[at] = rest;
  }

  /** Writes a negative number, at least -2^53, as a varint of 64 bits: ten bytes. */
  negative(value: number): void {
    this.#reserve(10);
    this.#start -= 10;
    const bytes = this.#bytes;
    let at = this.#start;
    // 28 bits at a time stay within what bitwise operators hold.
    let rest = value;
    for (let group = 0; group < 2; group++) {
      const low = rest - Math.floor(rest / 0x10000000) * 0x10000000;
      rest = Math.floor(rest / 0x10000000);
      bytes[at++] = (low & 0x7f) | 0x80;
      bytes[at++] = ((low >>> 7) & 0x7f) | 0x80;
      bytes[at++] = ((low >>> 14) & 0x7f) | 0x80;
      bytes[at++] = ((low >>> 21) & 0x7f) | 0x80;
    }
    bytes[at++] = (rest & 0x7f) | 0x80;
    bytes[at] = 1;
  }

  /** Writes the low 64 bits of `value` as a varint; negative ones take ten bytes. */
  varint64(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    if (rest <= 0x1fffffffffffffn) return this.varint(Number(rest));
    const groups: number[] = [];
    while (rest >= 0x80n) {
      groups.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    groups.push(Number(rest));
    this.#reserve(groups.length);
    this.#start -= groups.length;
    this.#bytes.set(groups, this.#start);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#start -= bytes.length;
    this.#bytes.set(bytes, this.#start);
  }

  /** Writes text as UTF-8, without its length. */
  text(text: string): void {
    const count = text.length;
    this.#reserve(count);
    const end = this.#start;
    const start = end - count;
    if (count > 96) {
      // Where text takes as many bytes as it has units, which is the rule, it fits where it has to stand.
      const { read, written } = encoder.encodeInto(text, this.#bytes.subarray(start, end));
      if (read === count && written === count) this.#start = start;
      else this.raw(encoder.encode(text));
      return;
    }
    for (let i = 0; i < count; i++) {
      const c = text.charCodeAt(i);
      if (c >= 0x80) return this.raw(encoder.encode(text));
      this.#bytes[start + i] = c;
    }
    this.#start = start;
  }

  float(value: number): void {
    this.#reserve(4);
    this.#start -= 4;
    this.#view.setFloat32(this.#start, value, true);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#start -= 8;
    this.#view.setFloat64(this.#start, value, true);
  }

  fixed32(value: number): void {
    this.#reserve(4);
    this.#start -= 4;
    this.#view.setUint32(this.#start, value >>> 0, true);
  }

  fixed64(value: bigint): void {
    this.#reserve(8);
    this.#start -= 8;
    this.#view.setBigUint64(this.#start, BigInt.asUintN(64, value), true);
  }
}
