/** Chunks of bytes from anywhere: a stream, a generator, a list. */
export type ByteStream = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Reads exact numbers of bytes from a stream of chunks.
 *
 * Answers at once when the bytes are at hand and with a promise only when a chunk must be waited for: an
 * archive of many small files is read several times faster so.
 */
export class ByteQueue {
  readonly #iterator: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  #offset = 0;

  constructor(source: ByteStream) {
    this.#iterator =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** Bytes taken so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Takes exactly `length` bytes, or fewer (down to none) where the stream ends. */
  take(length: number): Uint8Array | Promise<Uint8Array> {
    if (this.#chunk.length - this.#at >= length) return this.#cut(length);
    return this.#takeAcross(length);
  }

  /** Takes between 1 and `limit` bytes without copying; undefined at the end of the stream. */
  some(limit: number): Uint8Array | Promise<Uint8Array | undefined> {
    if (this.#at < this.#chunk.length) return this.#cut(Math.min(limit, this.#chunk.length - this.#at));
    return this.#someNext(limit);
  }

  /** Takes back the last `length` bytes of what {@link some} gave last. */
  giveBack(length: number): void {
    this.#at -= length;
    this.#offset -= length;
  }

  /** Drops `length` bytes; false when the stream ended before. */
  async skip(length: number): Promise<boolean> {
    for (let left = length; left > 0;) {
      const next = this.some(left);
      const chunk = next instanceof Promise ? await next : next;
      if (chunk === undefined) return false;
      left -= chunk.length;
    }
    return true;
  }

  /** Tells the source that nothing more is wanted. */
  async close(): Promise<void> {
    await this.#iterator.return?.();
  }

  #cut(length: number): Uint8Array {
    const part = this.#chunk.subarray(this.#at, this.#at + length);
    this.#at += length;
    this.#offset += length;
    return part;
  }

  async #someNext(limit: number): Promise<Uint8Array | undefined> {
    if (!(await this.#fill())) return undefined;
    return this.#cut(Math.min(limit, this.#chunk.length));
  }

  async #takeAcross(length: number): Promise<Uint8Array> {
    const out = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      if (this.#at === this.#chunk.length && !(await this.#fill())) return out.subarray(0, filled);
      const part = this.#cut(Math.min(length - filled, this.#chunk.length - this.#at));
      out.set(part, filled);
      filled += part.length;
    }
    return out;
  }

  async #fill(): Promise<boolean> {
    do {
      const next = await this.#iterator.next();
      if (next.done === true) return false;
      this.#chunk = next.value;
      this.#at = 0;
    } while (this.#chunk.length === 0);
    return true;
  }
}
