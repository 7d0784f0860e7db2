import { buildError } from '@melange2/diagnostics';
import { ByteQueue, type ByteStream } from './byte-queue.ts';
import { errors } from './errors.ts';
import { decodePath } from './path-text.ts';
import type { PaxRecord, TarEntryType, TarHeader } from './tar-header.ts';

const BLOCK = 512;
/** Longest extended header (names, PAX records) that is believed; a real one has some kilobytes. */
const maxExtensionBytes = 4 * 1024 * 1024;

export interface ReadTarOptions {
  /** Names the archive in errors. Default `the archive`. */
  readonly archive?: string;
  /** Told once the archive is read to its end. */
  readonly onEnd?: (end: TarEndReport) => void;
}

/** How an archive ended. */
export interface TarEndReport {
  /** Whether the two zero blocks were there; signature and control members of a package have none. */
  readonly endOfArchive: boolean;
  /** Whether anything but zeros follows the end. */
  readonly garbage: boolean;
  /** Length of the unpacked archive. */
  readonly bytes: number;
}

/** One entry while it is being read. */
export interface TarEntry extends TarHeader {
  /** Where its headers begin in the unpacked archive. */
  readonly offset: number;
  /** Where its content begins in the unpacked archive. */
  readonly contentOffset: number;
  /** The content, to be read before the next entry is asked for; what is left unread is skipped. */
  readonly content: AsyncIterable<Uint8Array>;
  /** Reads the whole content into memory. */
  readonly bytes: () => Promise<Uint8Array>;
}

/**
 * Reads an unpacked tar stream entry by entry, holding no more than one chunk of it.
 *
 * Understands ustar, PAX (also global headers), GNU long names and base-256 numbers; sizes beyond 8 GiB; an
 * archive without end blocks. An entry's content must be read before the next entry is asked for.
 *
 * @throws {BuildError} TAR_INVALID, TAR_TRUNCATED, TAR_SPARSE_UNSUPPORTED.
 * @see https://www.gnu.org/software/tar/manual/html_node/Standard.html
 */
export async function* readTar(
  source: ByteStream,
  options: ReadTarOptions = {},
): AsyncGenerator<TarEntry, void, undefined> {
  const archive = options.archive ?? 'the archive';
  const queue = new ByteQueue(source);
  const truncated = (): Error => buildError(errors, 'TAR_TRUNCATED', { archive, offset: queue.offset });
  const invalid = (why: string): Error =>
    buildError(errors, 'TAR_INVALID', { archive, offset: queue.offset, why });

  const extension = async (size: number): Promise<Uint8Array> => {
    if (size > maxExtensionBytes) throw invalid(`an extended header of ${size} bytes`);
    const data = await queue.take(size);
    if (data.length < size || !(await queue.skip(padding(size)))) throw truncated();
    return Uint8Array.from(data);
  };

  let finished = false;
  try {
    let globals: readonly PaxRecord[] = [];
    let locals: readonly PaxRecord[] = [];
    let longName: string | undefined;
    let longLink: string | undefined;
    let offset = 0;
    for (;;) {
      const next = queue.take(BLOCK);
      const raw = next instanceof Promise ? await next : next;
      if (raw.length === 0) {
        finished = true;
        options.onEnd?.({ endOfArchive: false, garbage: false, bytes: queue.offset });
        return;
      }
      if (raw.length < BLOCK) throw truncated();
      if (isZero(raw)) {
        const end = await drain(queue);
        finished = true;
        options.onEnd?.({ ...end, bytes: queue.offset });
        return;
      }
      const block = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
      if (!checksumHolds(block)) throw invalid('a header whose checksum is wrong');
      const flag = String.fromCharCode(block[156] ?? 0);
      const size = number(block, 124, 12);
      if (size === undefined || size < 0) throw invalid('a header whose size is no number');

      if (flag === 'x' || flag === 'X' || flag === 'g') {
        const records = parsePaxRecords(await extension(size));
        if (records === undefined) throw invalid('a PAX header that does not parse');
        if (flag === 'g') globals = [...globals, ...records];
        else locals = records;
        continue;
      }
      if (flag === 'L' || flag === 'K') {
        const text = decodePath(cString(await extension(size)));
        if (flag === 'L') longName = text;
        else longLink = text;
        continue;
      }
      const header = entryHeader(block, flag, size, [...globals, ...locals], longName, longLink);
      if (typeof header === 'string') throw invalid(header);
      if (flag === 'S' || header.pax.some(([key]) => key.startsWith('GNU.sparse.'))) {
        throw buildError(errors, 'TAR_SPARSE_UNSUPPORTED', { archive, name: header.name });
      }
      locals = [];
      longName = undefined;
      longLink = undefined;

      let left = header.size;
      const content = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
        while (left > 0) {
          const some = queue.some(left);
          const chunk = some instanceof Promise ? await some : some;
          if (chunk === undefined) throw truncated();
          left -= chunk.length;
          yield chunk;
        }
      };
      yield {
        ...header,
        offset,
        contentOffset: queue.offset,
        content: { [Symbol.asyncIterator]: content },
        bytes: async () => {
          const data = await queue.take(left);
          if (data.length < left) throw truncated();
          left = 0;
          return Uint8Array.from(data);
        },
      };
      const rest = left + padding(header.size);
      left = 0;
      if (rest > 0 && !(await queue.skip(rest))) throw truncated();
      offset = queue.offset;
    }
  } finally {
    if (!finished) await queue.close();
  }
}

/** Parses the records of a PAX header; undefined when they are malformed. */
export function parsePaxRecords(data: Uint8Array): PaxRecord[] | undefined {
  const records: PaxRecord[] = [];
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(0x20, at);
    if (space < 0) return data.subarray(at).every((b) => b === 0) ? records : undefined;
    const digits = Buffer.from(data.subarray(at, space)).toString('latin1');
    const length = /^[0-9]{1,10}$/.test(digits) ? Number(digits) : 0;
    const equals = data.indexOf(0x3d, space);
    const end = at + length;
    if (end > data.length || equals < 0 || equals >= end || data[end - 1] !== 0x0a) return undefined;
    records.push([decodePath(data.subarray(space + 1, equals)), data.slice(equals + 1, end - 1)]);
    at = end;
  }
  return records;
}

const entryTypes: Readonly<Record<string, TarEntryType>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardLink',
  '2': 'symlink',
  '3': 'characterDevice',
  '4': 'blockDevice',
  '5': 'directory',
  '6': 'fifo',
};

/** Keys that become fields of the header. */
const fieldKeys: ReadonlySet<string> = new Set([
  'path',
  'linkpath',
  'size',
  'uid',
  'gid',
  'uname',
  'gname',
  'mtime',
]);

function entryHeader(
  block: Buffer,
  flag: string,
  blockSize: number,
  pax: readonly PaxRecord[],
  longName: string | undefined,
  longLink: string | undefined,
): TarHeader | string {
  const record = (key: string): string | undefined => {
    const value = pax.findLast(([k]) => k === key)?.[1];
    return value === undefined || value.length === 0 ? undefined : decodePath(value);
  };
  const numeric = (key: string, at: number, room: number): number | undefined => {
    const text = record(key);
    if (text === undefined) return number(block, at, room);
    return /^-?[0-9]+(\.[0-9]*)?$/.test(text) ? Math.floor(Number(text)) : undefined;
  };
  const posix = block.toString('latin1', 257, 263) === 'ustar\0';
  const magic = block.toString('latin1', 257, 262) === 'ustar';
  const prefix = posix ? decodePath(cString(block.subarray(345, 500))) : '';
  const short = decodePath(cString(block.subarray(0, 100)));
  const named = record('path') ?? longName ?? (prefix === '' ? short : `${prefix}/${short}`);

  let type = entryTypes[flag];
  if (type === undefined) return `an entry of the unknown type ${JSON.stringify(flag)} (${named})`;
  if (type === 'file' && named.endsWith('/')) type = 'directory';
  const name = type === 'directory' && named.length > 1 ? named.replace(/\/+$/, '') : named;

  const size = record('size') === undefined ? blockSize : numeric('size', 124, 12);
  const mode = number(block, 100, 8);
  const uid = numeric('uid', 108, 8);
  const gid = numeric('gid', 116, 8);
  const mtime = numeric('mtime', 136, 12);
  if (size === undefined || size < 0 || !Number.isSafeInteger(size)) return `an impossible size of ${named}`;
  if (mode === undefined || uid === undefined || gid === undefined || mtime === undefined) {
    return `a mode, owner or time of ${named} that is no number`;
  }
  const device = type === 'characterDevice' || type === 'blockDevice';
  return {
    name,
    type,
    mode: mode & 0o7777,
    uid,
    gid,
    uname: record('uname') ?? (magic ? decodePath(cString(block.subarray(265, 297))) : ''),
    gname: record('gname') ?? (magic ? decodePath(cString(block.subarray(297, 329))) : ''),
    size: type === 'file' ? size : 0,
    mtime,
    linkName:
      type === 'hardLink' || type === 'symlink'
        ? (record('linkpath') ?? longLink ?? decodePath(cString(block.subarray(157, 257))))
        : '',
    devMajor: device ? (number(block, 329, 8) ?? 0) : 0,
    devMinor: device ? (number(block, 337, 8) ?? 0) : 0,
    pax: pax.filter(([key]) => !fieldKeys.has(key)),
  };
}

async function drain(queue: ByteQueue): Promise<{ endOfArchive: boolean; garbage: boolean }> {
  const second = await queue.take(BLOCK);
  const endOfArchive = second.length === BLOCK && isZero(second);
  let garbage = !endOfArchive && second.length > 0;
  for (;;) {
    const chunk = await queue.some(Number.MAX_SAFE_INTEGER);
    if (chunk === undefined) return { endOfArchive, garbage };
    garbage ||= !isZero(chunk);
  }
}

function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

const zeroBlock = Buffer.alloc(64 * 1024);

function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at += zeroBlock.length) {
    const part = bytes.subarray(at, at + zeroBlock.length);
    if (zeroBlock.compare(part, 0, part.length, 0, part.length) !== 0) return false;
  }
  return true;
}

function cString(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

function number(block: Buffer, at: number, room: number): number | undefined {
  const first = block[at] ?? 0;
  if ((first & 0x80) !== 0) {
    let value = first & 0x40 ? BigInt(first) - 256n : BigInt(first & 0x7f);
    for (let i = at + 1; i < at + room; i++) value = value * 256n + BigInt(block[i] ?? 0);
    const result = Number(value);
    return Number.isSafeInteger(result) ? result : undefined;
  }
  const text = block
    .toString('latin1', at, at + room)
    .replace(/\0[^]*$/, '')
    .trim();
  if (text === '') return 0;
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined;
}

function checksumHolds(block: Buffer): boolean {
  const said = number(block, 148, 8);
  let unsigned = 8 * 0x20;
  let signed = 8 * 0x20;
  for (let i = 0; i < BLOCK; i++) {
    if (i >= 148 && i < 156) continue;
    const byte = block[i] ?? 0;
    unsigned += byte;
    signed += byte < 0x80 ? byte : byte - 256;
  }
  return said === unsigned || said === signed;
}
