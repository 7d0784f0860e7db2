import type { EntryContent } from './tree-entry.ts';

/** So much is read at once, and held together. */
export const slabBytes: number = 2 << 20;
const slabCount = 6;

interface Slab {
  readonly memory: SharedArrayBuffer;
  readonly bytes: Buffer;
  readonly contents: EntryContent[];
}

/**
 * Keeps the contents of small files that were read last: a daemon that lacks a file asks for it soon after it was
 * listed, and what is sent is then surely what the time was made from.
 */
export class HeldContents {
  readonly #contents = new Map<EntryContent, Buffer>();
  readonly #slabs: Slab[] = [];
  #current = -1;
  #at = slabBytes;

  /** Returns room for a content of this size, which makes that of older ones; at most `slabBytes`. */
  room(sizeBytes: number): Buffer {
    if (this.#at + sizeBytes > slabBytes) this.#nextSlab();
    return this.#slabs[this.#current]!.bytes.subarray(this.#at, this.#at + sizeBytes);
  }

  /** Keeps what was written into the room that was returned last. */
  keep(content: EntryContent, bytes: Buffer): void {
    this.#keep(this.#slabs[this.#current]!, content, bytes);
    this.#at += bytes.length;
  }

  /**
   * Returns room of `slabBytes` that another thread may write to. It stays until some of them more have been asked for;
   * what is in it is kept with `keepIn`.
   */
  slab(): SharedArrayBuffer {
    this.#nextSlab();
    this.#at = slabBytes;
    return this.#slabs[this.#current]!.memory;
  }

  keepIn(memory: SharedArrayBuffer, content: EntryContent, at: number, sizeBytes: number): void {
    const slab = this.#slabs.find((one) => one.memory === memory)!;
    this.#keep(slab, content, slab.bytes.subarray(at, at + sizeBytes));
  }

  /** Returns the content if it is still there, and forgets it: it is valid until the next `room` or `slab`. */
  take(content: EntryContent): Buffer | undefined {
    const bytes = this.#contents.get(content);
    if (bytes !== undefined) this.#contents.delete(content);
    return bytes;
  }

  #keep(slab: Slab, content: EntryContent, bytes: Buffer): void {
    slab.contents.push(content);
    this.#contents.set(content, bytes);
  }

  #nextSlab(): void {
    this.#at = 0;
    this.#current = (this.#current + 1) % slabCount;
    if (this.#current === this.#slabs.length) this.#slabs.push(newSlab());
    for (const content of this.#slabs[this.#current]!.contents.splice(0)) this.#contents.delete(content);
  }
}

function newSlab(): Slab {
  const memory = new SharedArrayBuffer(slabBytes);
  return { memory, bytes: Buffer.from(memory), contents: [] };
}
