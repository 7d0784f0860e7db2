import { decode, fsutil } from '@melange2/proto';
import { frameHeaderBytes } from '../../grpc/message-frames.ts';
import type { TreeStat } from './tree-entry.ts';

/** Kinds of packets of the file sync protocol. */
export const packetType: {
  readonly stat: 0;
  readonly request: 1;
  readonly data: 2;
  readonly fin: 3;
  readonly error: 4;
} = { stat: 0, request: 1, data: 2, fin: 3, error: 4 };

/** A packet that came; which fields are there depends on its type. */
export interface IncomingPacket {
  readonly type: number;
  /** Absent in the stat packet that ends the list. */
  readonly stat: fsutil.Stat | undefined;
  readonly id: number;
  readonly data: Buffer | undefined;
}

/**
 * Takes a packet apart. `data` is a view into `message`.
 *
 * @throws {Error} when the bytes are no packet.
 */
export function readPacket(message: Buffer): IncomingPacket {
  let type = 0;
  let id = 0;
  let stat: fsutil.Stat | undefined;
  let data: Buffer | undefined;
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++];
      if (byte === undefined || shift > 63) throw new Error('A packet is cut off.');
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    switch (tag) {
      case 0x08:
        type = varint();
        break;
      case 0x18:
        id = varint();
        break;
      case 0x12:
      case 0x22: {
        const length = varint();
        if (at + length > message.length) throw new Error('A packet is cut off.');
        const bytes = message.subarray(at, at + length);
        at += length;
        if (tag === 0x22) data = bytes;
        else stat = decode(fsutil.Stat, bytes);
        break;
      }
      default:
        return fromGeneral(message);
    }
  }
  return { type, stat, id, data };
}

/** A packet with fields that this version does not know. */
function fromGeneral(message: Buffer): IncomingPacket {
  const packet = decode(fsutil.Packet, message);
  const { data } = packet;
  return {
    type: packet.type,
    stat: packet.stat,
    id: packet.ID,
    data: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  };
}

/** Collects framed packets in one buffer, so that many small ones are one write. */
export class PacketBuffer {
  bytes: Buffer;
  length = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
  }

  /** Returns what was collected, and starts anew with a buffer of its own. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = Buffer.allocUnsafeSlow(this.bytes.length);
    this.length = 0;
    return taken;
  }

  /** What was collected, which stays collected. */
  view(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  /** Makes room for so many bytes. */
  reserve(bytes: number): void {
    if (this.length + bytes <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.length + bytes));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  /** The packet that lists one file, which may have another time than its own. */
  stat(stat: TreeStat, modTime: bigint = stat.modTime): void {
    const pathBytes = Buffer.byteLength(stat.path);
    const linkBytes = stat.linkname === '' ? 0 : Buffer.byteLength(stat.linkname);
    const [timeLow, timeHigh] = halves(modTime);
    let body = textSize(pathBytes) + textSize(linkBytes);
    body += numberSize(stat.mode) + numberSize(stat.uid) + numberSize(stat.gid);
    body += numberSize(stat.size) + numberSize(stat.devmajor) + numberSize(stat.devminor);
    if (modTime !== 0n) body += 1 + varint64Size(timeLow, timeHigh);
    const xattrs = stat.xattrs === undefined ? [] : xattrFields(stat.xattrs);
    for (const field of xattrs) body += field.length;
    const message = 1 + varintSize(body) + body;
    this.#frame(message);
    this.#byte(0x12);
    this.#varint(body);
    this.#text(0x0a, stat.path, pathBytes);
    this.#number(0x10, stat.mode);
    this.#number(0x18, stat.uid);
    this.#number(0x20, stat.gid);
    this.#number(0x28, stat.size);
    if (modTime !== 0n) {
      this.#byte(0x30);
      this.#varint64(timeLow, timeHigh);
    }
    this.#text(0x3a, stat.linkname, linkBytes);
    this.#number(0x40, stat.devmajor);
    this.#number(0x48, stat.devminor);
    for (const field of xattrs) {
      this.bytes.set(field, this.length);
      this.length += field.length;
    }
  }

  /** The packet that ends the list of files. */
  endOfStats(): void {
    this.#frame(0);
  }

  /** Everything of a data packet but its data, for which there is room behind it. No data: the end of the file. */
  dataHeader(id: number, dataBytes: number): void {
    this.reserve(frameHeaderBytes + 16 + dataBytes);
    this.dataHeaderFor(id, dataBytes);
  }

  /** The same without room for the data, which is sent from elsewhere. */
  dataHeaderFor(id: number, dataBytes: number): void {
    const message = 2 + numberSize(id) + (dataBytes === 0 ? 0 : 1 + varintSize(dataBytes) + dataBytes);
    this.#header(message);
    this.#byte(0x08);
    this.#byte(packetType.data);
    this.#number(0x18, id);
    if (dataBytes === 0) return;
    this.#byte(0x22);
    this.#varint(dataBytes);
  }

  /** The packet that asks for the content of a file. */
  request(id: number): void {
    this.#frame(2 + numberSize(id));
    this.#byte(0x08);
    this.#byte(packetType.request);
    this.#number(0x18, id);
  }

  fin(): void {
    this.#frame(2);
    this.#byte(0x08);
    this.#byte(packetType.fin);
  }

  error(text: string): void {
    const bytes = Buffer.byteLength(text);
    this.#frame(2 + textSize(bytes));
    this.#byte(0x08);
    this.#byte(packetType.error);
    this.#text(0x22, text, bytes);
  }

  #frame(messageBytes: number): void {
    this.reserve(frameHeaderBytes + messageBytes);
    this.#header(messageBytes);
  }

  #header(messageBytes: number): void {
    this.bytes[this.length] = 0;
    this.bytes.writeUInt32BE(messageBytes, this.length + 1);
    this.length += frameHeaderBytes;
  }

  #byte(value: number): void {
    this.bytes[this.length++] = value;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > maxInt32; rest = Math.floor(rest / 128)) this.bytes[this.length++] = (rest % 128) | 0x80;
    for (; rest >= 128; rest >>>= 7) this.bytes[this.length++] = (rest & 0x7f) | 0x80;
    this.bytes[this.length++] = rest;
  }

  #varint64(low: number, high: number): void {
    let lo = low;
    let hi = high;
    while (hi !== 0 || lo > 127) {
      this.bytes[this.length++] = (lo & 0x7f) | 0x80;
      lo = ((lo >>> 7) | (hi << 25)) >>> 0;
      hi >>>= 7;
    }
    this.bytes[this.length++] = lo;
  }

  #number(tag: number, value: number): void {
    if (value === 0) return;
    this.#byte(tag);
    this.#varint(value);
  }

  #text(tag: number, text: string, bytes: number): void {
    if (bytes === 0) return;
    this.#byte(tag);
    this.#varint(bytes);
    this.length += this.bytes.write(text, this.length, 'utf8');
  }
}

/** Up to here numbers are divided by shifting, which is much faster. */
const maxInt32 = 2 ** 31 - 1;

function varintSize(value: number): number {
  let bytes = 1;
  let rest = value;
  for (; rest > maxInt32; rest = Math.floor(rest / 128)) bytes++;
  for (; rest >= 128; rest >>>= 7) bytes++;
  return bytes;
}

function numberSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

function textSize(bytes: number): number {
  return bytes === 0 ? 0 : 1 + varintSize(bytes) + bytes;
}

const wide = new BigInt64Array(1);
const narrow = new Uint32Array(wide.buffer);
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Both halves of a 64-bit number, without arithmetic on big integers, which is slow for many files. */
function halves(value: bigint): readonly [low: number, high: number] {
  wide[0] = value;
  return isLittleEndian ? [narrow[0]!, narrow[1]!] : [narrow[1]!, narrow[0]!];
}

function varint64Size(low: number, high: number): number {
  if (high === 0) return varintSize(low);
  return varintSize(high * 2 ** 32 + low);
}

/** Map entries in the order of their keys' bytes. */
function xattrFields(xattrs: ReadonlyMap<string, Uint8Array>): Buffer[] {
  return [...xattrs]
    .map(([key, value]) => ({ key: Buffer.from(key), value }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ key, value }) => {
      const entryBytes =
        1 + varintSize(key.length) + key.length + 1 + varintSize(value.length) + value.length;
      return Buffer.concat([
        Buffer.from([0x52]),
        varintBytes(entryBytes),
        Buffer.from([0x0a]),
        varintBytes(key.length),
        key,
        Buffer.from([0x12]),
        varintBytes(value.length),
        value,
      ]);
    });
}

function varintBytes(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
