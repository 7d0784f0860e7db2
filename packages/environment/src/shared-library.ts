/** What the cache of the dynamic loader needs to know of a shared library. */
export interface SharedLibrary {
  /** `e_machine` of its ELF header: 62 is x86-64, 183 is aarch64. */
  readonly machine: number;
  readonly soname?: string;
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: bigint;
  readonly length: number;
}

/** A part of the file that is held; `bytes` has what of it has passed. */
interface Part {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array[];
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_STRTAB = 5n;
const DT_SONAME = 14n;
/** Linkers put the program headers behind the file header; no library has as many as fit here. */
const headBytes = 4096;
const maxNameBytes = 4096;
/** How much is held of the segment where linkers write the names. Libraries with very many symbols have more. */
const maxNamesBytes = 256 * 1024;

/**
 * Reads machine and soname of a 64-bit little-endian shared library from its program headers while the file passes,
 * and holds no more of it than where these mostly are: its code and data may be a hundred megabytes.
 *
 * Linkers write the names to the beginning of the first loaded segment; programs that change them later, at the end.
 * One that is neither here nor there has passed before its place was known: see {@link SharedLibraryReader.missed}.
 *
 * @see https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.dynamic.html
 */
export class SharedLibraryReader {
  #at = 0;
  #head: Uint8Array[] | undefined = [];
  #machine: number | undefined;
  #segments: readonly Segment[] = [];
  #parts: Part[] = [];
  #dynamic: Part | undefined;
  #name: number | undefined;

  /** Where in the file a name lies that was not held, to be read by {@link readSoname} when the file passes again. */
  missed: number | undefined;

  /** Takes the next bytes of the file. */
  add(chunk: Uint8Array): void {
    if (this.#head === undefined) {
      this.#hold(chunk);
      return;
    }
    const head = this.#head.length === 0 ? chunk : Buffer.concat([...this.#head, chunk]);
    if (head.length >= headBytes) this.#begin(head);
    else this.#head = [new Uint8Array(head)];
  }

  /** What the file was, once it has passed; `undefined` for everything but such a library, damaged ones among it. */
  result(): SharedLibrary | undefined {
    if (this.#head !== undefined) this.#begin(Buffer.concat(this.#head));
    const machine = this.#machine;
    if (machine === undefined || (this.#dynamic?.end ?? 0) > this.#at) {
      this.#release();
      return undefined;
    }
    const soname = this.#name === undefined ? undefined : this.#read(this.#name);
    this.#release();
    return soname === undefined ? { machine } : { machine, soname };
  }

  #begin(bytes: Uint8Array): void {
    this.#head = undefined;
    const head = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const isElf64 =
      head.length >= 64 && head.readUInt32BE(0) === 0x7f454c46 && head[4] === 2 && head[5] === 1;
    if (!isElf64 || head.readUInt16LE(16) !== 3) return;
    try {
      this.#segments = readSegments(head);
    } catch (error) {
      if (error instanceof RangeError) return;
      throw error;
    }
    this.#machine = head.readUInt16LE(18);
    const names = this.#segments.find((s) => s.type === PT_LOAD);
    const dynamic = this.#segments.find((s) => s.type === PT_DYNAMIC);
    if (names !== undefined) this.#parts.push(part(names.offset, Math.min(names.length, maxNamesBytes)));
    if (dynamic !== undefined) this.#parts.push((this.#dynamic = part(dynamic.offset, dynamic.length)));
    this.#hold(head);
  }

  #hold(chunk: Uint8Array): void {
    const start = this.#at;
    const end = start + chunk.length;
    this.#at = end;
    // A part may be added on the way, so this is no `map`.
    for (const wanted of this.#parts) {
      const from = Math.max(wanted.start, start);
      const to = Math.min(wanted.end, end);
      if (from < to) wanted.bytes.push(new Uint8Array(chunk.subarray(from - start, to - start)));
      if (wanted === this.#dynamic && wanted.end <= end && wanted.end > start) this.#findName(start);
    }
  }

  /** Where the soname is, as the dynamic section says once it is whole. */
  #findName(chunkStart: number): void {
    const dynamic = Buffer.concat(this.#dynamic?.bytes ?? []);
    const values = new Map<bigint, bigint>();
    for (let at = 0; at + 16 <= dynamic.length; at += 16) {
      const tag = dynamic.readBigInt64LE(at);
      if (tag === 0n) break;
      values.set(tag, dynamic.readBigUInt64LE(at + 8));
    }
    const strings = values.get(DT_STRTAB);
    const name = values.get(DT_SONAME);
    if (strings === undefined || name === undefined) return;
    const segment = this.#segments.find(
      (s) => s.type === PT_LOAD && strings >= s.address && strings < s.address + BigInt(s.length),
    );
    if (segment === undefined) return;
    const at = segment.offset + Number(strings - segment.address + name);
    const held = this.#parts.some((p) => at >= p.start && at < p.end);
    if (!held && at < chunkStart) {
      this.missed = at;
      return;
    }
    if (!held) this.#parts.push(part(at, maxNameBytes));
    this.#name = at;
  }

  #read(offset: number): string | undefined {
    const found = this.#parts.find((p) => offset >= p.start && offset < p.end);
    if (found === undefined) return undefined;
    const bytes: Uint8Array[] = [];
    let at = found.start;
    for (const held of found.bytes) {
      bytes.push(held.subarray(Math.max(0, offset - at), Math.max(0, offset + maxNameBytes - at)));
      at += held.length;
    }
    return stringOf(Buffer.concat(bytes));
  }

  /** Gives the memory of what was held back now: an environment has many libraries, and they pass in a moment. */
  #release(): void {
    for (const { bytes } of this.#parts) for (const { buffer } of bytes) (buffer as ArrayBuffer).transfer(0);
    this.#parts = [];
  }
}

/** Reads the soname at a place of a library that {@link SharedLibraryReader} saw pass. */
export async function readSoname(
  content: AsyncIterable<Uint8Array>,
  offset: number,
): Promise<string | undefined> {
  const bytes: Uint8Array[] = [];
  let at = 0;
  for await (const chunk of content) {
    const part = chunk.subarray(Math.max(0, offset - at), Math.max(0, offset + maxNameBytes - at));
    if (part.length > 0) bytes.push(new Uint8Array(part));
    at += chunk.length;
  }
  return stringOf(Buffer.concat(bytes));
}

/** The text up to the first zero byte; `undefined` for none, or where there is no such byte. */
function stringOf(bytes: Buffer): string | undefined {
  const end = bytes.indexOf(0);
  return end <= 0 ? undefined : bytes.toString('utf8', 0, end);
}

function part(start: number, length: number): Part {
  return { start, end: start + length, bytes: [] };
}

function readSegments(head: Buffer): readonly Segment[] {
  const at = Number(head.readBigUInt64LE(32));
  const size = head.readUInt16LE(54);
  return Array.from({ length: head.readUInt16LE(56) }, (_, i) => {
    const start = at + i * size;
    return {
      type: head.readUInt32LE(start),
      offset: Number(head.readBigUInt64LE(start + 8)),
      address: head.readBigUInt64LE(start + 16),
      length: Number(head.readBigUInt64LE(start + 32)),
    };
  });
}
