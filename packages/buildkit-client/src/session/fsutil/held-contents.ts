import type { EntryContent } from './tree-entry.ts';

/** So much is read at once, and held together. */
export const slabBytes: number = 2 << 20;
const slabCount = 6;

interface Slab {
  readonly memory: SharedArrayBuffer;
  readonly bytes: Buffer;
  readonly contents: EntryContent[];
  /** Contents that are being sent. */
  pins: number;
}

/** A content whose memory is not used for another before it is released. */
export interface HeldContent {
  readonly bytes: Buffer;
  readonly release: () => void;
}

/**
 * Keeps the contents of small files that were read last: a daemon that lacks a file asks for it soon after it was
 * listed, and what is sent is then surely what the time was made from.
 */
export class HeldContents {
  readonly #contents = new Map<EntryContent, { readonly slab: Slab; readonly bytes: Buffer }>();
  readonly #slabs: Slab[] = [];
  /** Slabs whose place was taken while they were sent. */
  readonly #replaced: Slab[] = [];
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

  /** Returns the content if it is still there, and forgets it: its memory stays until it is released. */
  take(content: EntryContent): HeldContent | undefined {
    const found = this.#contents.get(content);
    if (found === undefined) return undefined;
    this.#contents.delete(content);
    const { slab, bytes } = found;
    slab.pins++;
    return { bytes, release: () => void slab.pins-- };
  }

  #keep(slab: Slab, content: EntryContent, bytes: Buffer): void {
    slab.contents.push(content);
    this.#contents.set(content, { slab, bytes });
  }

  #nextSlab(): void {
    this.#at = 0;
    this.#current = (this.#current + 1) % slabCount;
    if (this.#current === this.#slabs.length) this.#slabs.push(newSlab());
    const slab = this.#slabs[this.#current]!;
    for (const content of slab.contents.splice(0)) this.#contents.delete(content);
    if (slab.pins === 0) return;
    const free = this.#replaced.findIndex((one) => one.pins === 0);
    this.#slabs[this.#current] = free === -1 ? newSlab() : this.#replaced.splice(free, 1)[0]!;
    this.#replaced.push(slab);
  }
}

function newSlab(): Slab {
  const memory = new SharedArrayBuffer(slabBytes);
  return { memory, bytes: Buffer.from(memory), contents: [], pins: 0 };
}
