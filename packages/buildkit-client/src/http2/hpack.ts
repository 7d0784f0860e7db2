import { Http2Error, http2Code } from './errors.ts';
import { decodeHuffman } from './huffman.ts';

/** Name and value of a header. */
export type Field = readonly [name: string, value: string];

export interface HeaderLimits {
  /** Bytes of all names and values, and 32 for each field. */
  readonly listBytes: number;
  readonly fields: number;
}

/** RFC 7541, appendix A. */
const staticTable: readonly Field[] = [
  [':authority', ''],
  [':method', 'GET'],
  [':method', 'POST'],
  [':path', '/'],
  [':path', '/index.html'],
  [':scheme', 'http'],
  [':scheme', 'https'],
  [':status', '200'],
  [':status', '204'],
  [':status', '206'],
  [':status', '304'],
  [':status', '400'],
  [':status', '404'],
  [':status', '500'],
  ['accept-charset', ''],
  ['accept-encoding', 'gzip, deflate'],
  ['accept-language', ''],
  ['accept-ranges', ''],
  ['accept', ''],
  ['access-control-allow-origin', ''],
  ['age', ''],
  ['allow', ''],
  ['authorization', ''],
  ['cache-control', ''],
  ['content-disposition', ''],
  ['content-encoding', ''],
  ['content-language', ''],
  ['content-length', ''],
  ['content-location', ''],
  ['content-range', ''],
  ['content-type', ''],
  ['cookie', ''],
  ['date', ''],
  ['etag', ''],
  ['expect', ''],
  ['expires', ''],
  ['from', ''],
  ['host', ''],
  ['if-match', ''],
  ['if-modified-since', ''],
  ['if-none-match', ''],
  ['if-range', ''],
  ['if-unmodified-since', ''],
  ['last-modified', ''],
  ['link', ''],
  ['location', ''],
  ['max-forwards', ''],
  ['proxy-authenticate', ''],
  ['proxy-authorization', ''],
  ['range', ''],
  ['referer', ''],
  ['refresh', ''],
  ['retry-after', ''],
  ['server', ''],
  ['set-cookie', ''],
  ['strict-transport-security', ''],
  ['transfer-encoding', ''],
  ['user-agent', ''],
  ['vary', ''],
  ['via', ''],
  ['www-authenticate', ''],
];

/** What both sides may keep where nothing else was agreed on. */
const tableBytes = 4096;
/** What the standard counts for a field besides its texts. */
const fieldBytes = 32;

interface Kept {
  readonly field: Field;
  readonly nameBytes: number;
  readonly size: number;
}

/** Decodes the header blocks of one connection, which refer to each other (RFC 7541). */
export class HeaderDecoder {
  readonly #limits: HeaderLimits;
  /** The newest is the last. */
  readonly #table: Kept[] = [];
  #tableSize = 0;
  #tableLimit = tableBytes;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(limits: HeaderLimits) {
    this.#limits = limits;
  }

  /** @throws {Http2Error} on what is no header block, and on one that is over the limits. */
  decode(block: Buffer): Field[] {
    this.#block = block;
    this.#at = 0;
    const fields: Field[] = [];
    let listBytes = 0;
    while (this.#at < block.length) {
      const byte = block[this.#at]!;
      if ((byte & 0xe0) === 0x20) {
        if (fields.length > 0) throw broken('a change of the table between headers');
        this.#resize(this.#integer(5));
        continue;
      }
      const { field, size } = this.#field(byte);
      listBytes += size;
      fields.push(field);
      if (listBytes > this.#limits.listBytes || fields.length > this.#limits.fields)
        throw new Http2Error(http2Code.enhanceYourCalm, 'too many headers');
    }
    this.#block = Buffer.alloc(0);
    return fields;
  }

  #field(byte: number): Kept {
    if (byte >= 0x80) return this.#entry(this.#integer(7));
    const isKept = (byte & 0x40) !== 0;
    const index = this.#integer(isKept ? 6 : 4);
    const { name, nameBytes } = index === 0 ? this.#name() : this.#named(index);
    const value = this.#string();
    const size = nameBytes + value.length + fieldBytes;
    const kept: Kept = { field: [name, value.toString('utf8')], nameBytes, size };
    if (isKept) {
      this.#table.push(kept);
      this.#tableSize += kept.size;
      this.#evict();
    }
    return kept;
  }

  #name(): { name: string; nameBytes: number } {
    const bytes = this.#string();
    return { name: bytes.toString('utf8'), nameBytes: bytes.length };
  }

  #named(index: number): { name: string; nameBytes: number } {
    const { field, nameBytes } = this.#entry(index);
    return { name: field[0], nameBytes };
  }

  #entry(index: number): Kept {
    if (index > 0 && index <= staticTable.length) {
      const field = staticTable[index - 1]!;
      const [name, value] = field;
      return { field, nameBytes: name.length, size: name.length + value.length + fieldBytes };
    }
    const kept = this.#table[this.#table.length - (index - staticTable.length)];
    if (kept === undefined || index === 0) throw broken('a header that is not in the table');
    return kept;
  }

  #resize(bytes: number): void {
    if (bytes > tableBytes) throw broken('a larger table than was agreed on');
    this.#tableLimit = bytes;
    this.#evict();
  }

  #evict(): void {
    let gone = 0;
    while (this.#tableSize > this.#tableLimit) this.#tableSize -= this.#table[gone++]!.size;
    if (gone > 0) this.#table.splice(0, gone);
  }

  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#byte();
      if (scale > 2 ** 28) throw broken('a number that is too large');
      value += (byte & 0x7f) * scale;
      if (byte < 128) return value;
    }
  }

  #string(): Buffer {
    const isHuffman = (this.#block[this.#at] ?? 0) >= 0x80;
    const length = this.#integer(7);
    if (this.#at + length > this.#block.length) throw broken('a header that is cut off');
    const bytes = this.#block.subarray(this.#at, this.#at + length);
    this.#at += length;
    if (!isHuffman) return bytes;
    const decoded = decodeHuffman(bytes);
    if (decoded === undefined) throw broken('a header that cannot be decoded');
    return decoded;
  }

  #byte(): number {
    const byte = this.#block[this.#at++];
    if (byte === undefined) throw broken('a header that is cut off');
    return byte;
  }
}

function broken(what: string): Http2Error {
  return new Http2Error(http2Code.compression, what);
}

/** Encodes headers so that nothing has to be remembered: literals without indexing. */
export function encodeHeaders(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [literal, ...string(name), ...string(value)]));
}

const literal = Buffer.of(0);

function string(value: string): readonly [Buffer, Buffer] {
  const bytes = Buffer.from(value, 'utf8');
  if (bytes.length < 127) return [Buffer.of(bytes.length), bytes];
  const head = [127];
  let rest = bytes.length - 127;
  for (; rest >= 128; rest >>>= 7) head.push((rest & 0x7f) | 0x80);
  head.push(rest);
  return [Buffer.from(head), bytes];
}
