import type { EntryContent } from './tree-entry.ts';

const slabBytes = 2 << 20;
const slabCount = 8;

/**
 * Keeps the contents of small files that were read last: a daemon that lacks a file asks for it soon after it was
 * listed, and what is sent is then surely what the time was made from.
 */
export class HeldContents {
  readonly #contents = new Map<EntryContent, Buffer>();
  readonly #slabs: { readonly bytes: Buffer; readonly contents: EntryContent[] }[] = [];
  #current = 0;
  #at = 0;

  /** Returns room for a content of this size, which makes that of older ones; at most `slabBytes`. */
  room(sizeBytes: number): Buffer {
    if (this.#slabs.length === 0) this.#slabs.push(newSlab());
    if (this.#at + sizeBytes > slabBytes) this.#nextSlab();
    return this.#slabs[this.#current]!.bytes.subarray(this.#at, this.#at + sizeBytes);
  }

  /** Keeps what was written into the room that was returned last. */
  keep(content: EntryContent, bytes: Buffer): void {
    this.#slabs[this.#current]!.contents.push(content);
    this.#contents.set(content, bytes);
    this.#at += bytes.length;
  }

  /** Returns the content if it is still there, and forgets it: it is valid until the next `room`. */
  take(content: EntryContent): Buffer | undefined {
    const bytes = this.#contents.get(content);
    if (bytes !== undefined) this.#contents.delete(content);
    return bytes;
  }

  #nextSlab(): void {
    this.#at = 0;
    this.#current = (this.#current + 1) % slabCount;
    if (this.#current === this.#slabs.length) this.#slabs.push(newSlab());
    for (const content of this.#slabs[this.#current]!.contents.splice(0)) this.#contents.delete(content);
  }
}

function newSlab(): { bytes: Buffer; contents: EntryContent[] } {
  return { bytes: Buffer.allocUnsafeSlow(slabBytes), contents: [] };
}
