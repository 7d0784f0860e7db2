import { compareBytes, encodePath } from './path-text.ts';
import type { PaxRecord, TarEntryType, TarHeader } from './tar-header.ts';

const BLOCK = 512;
const goZeroTime = -62_135_596_800;

const typeFlags: Readonly<Record<TarEntryType, string>> = {
  file: '0',
  hardLink: '1',
  symlink: '2',
  characterDevice: '3',
  blockDevice: '4',
  directory: '5',
  fifo: '6',
};

/** Keys whose value is a field of {@link TarHeader}; given records with these keys are not written. */
const basicKeys: ReadonlySet<string> = new Set([
  'path',
  'linkpath',
  'size',
  'uid',
  'gid',
  'uname',
  'gname',
  'mtime',
  'atime',
  'ctime',
]);

/**
 * Formats the blocks in front of an entry's content: a PAX header where one is needed, and the main header.
 *
 * The bytes are those of Go's `archive/tar`, which all packages of the field are written with, so that equal
 * trees give equal archives: records sorted by key, no PAX header where ustar with its name prefix does, a
 * number that does not fit its field is a PAX record and zero in the field.
 *
 * @throws RangeError when a record's key is empty or has `=` or NUL, a name has NUL, or a device number has
 * more than 21 bits: the format cannot hold these.
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
 */
export function formatTarHeader(header: TarHeader): Uint8Array {
  const name = encodePath(header.name);
  const linkName = encodePath(header.linkName);
  const uname = encodePath(header.uname);
  const gname = encodePath(header.gname);
  // Go takes the first second of year 1 for "no time".
  const mtime = header.mtime === goZeroTime ? 0 : header.mtime;
  const records = new Map<string, Uint8Array>();
  const split = splitName(name);
  let ustar = true;
  const text = (key: string, bytes: Buffer, room: number): void => {
    if (bytes.includes(0)) throw new RangeError(`tar: ${key} of ${JSON.stringify(header.name)} contains NUL`);
    if (isAscii(bytes) && bytes.length <= room) return;
    records.set(key, bytes);
    // A name that ustar can split needs its record only when another reason calls for a PAX header.
    if (key !== 'path' || split === undefined) ustar = false;
  };
  const number = (key: string, value: number, room: number): void => {
    if (fitsOctal(value, room)) return;
    ustar = false;
    records.set(key, Buffer.from(String(value)));
  };
  text('path', name, 100);
  text('linkpath', linkName, 100);
  text('uname', uname, 32);
  text('gname', gname, 32);
  number('uid', header.uid, 8);
  number('gid', header.gid, 8);
  number('size', header.size, 12);
  number('mtime', mtime, 12);
  for (const device of [header.devMajor, header.devMinor]) {
    if (!fitsOctal(device, 8)) throw new RangeError(`tar: device number ${device} does not fit`);
  }
  for (const [key, value] of header.pax) {
    if (basicKeys.has(key)) continue;
    if (key === '' || /[=\0]/.test(key))
      throw new RangeError(`tar: impossible PAX key ${JSON.stringify(key)}`);
    records.set(key, value);
    ustar = false;
  }

  const main = Buffer.alloc(BLOCK);
  if (ustar && split !== undefined) {
    putText(main, 0, 100, split.name);
    putText(main, 345, 155, split.prefix);
  } else {
    putText(main, 0, 100, ustar ? name : asciiOnly(name));
  }
  putOctal(main, 100, 8, header.mode);
  putOctal(main, 108, 8, header.uid);
  putOctal(main, 116, 8, header.gid);
  putOctal(main, 124, 12, header.size);
  putOctal(main, 136, 12, mtime);
  main.write(typeFlags[header.type], 156, 'latin1');
  putText(main, 157, 100, ustar ? linkName : asciiOnly(linkName));
  putText(main, 265, 32, ustar ? uname : asciiOnly(uname));
  putText(main, 297, 32, ustar ? gname : asciiOnly(gname));
  putOctal(main, 329, 8, header.devMajor);
  putOctal(main, 337, 8, header.devMinor);
  seal(main);
  if (ustar) return main;

  const data = formatPaxRecords([...records].toSorted(([a], [b]) => compareBytes(a, b)));
  const extension = Buffer.alloc(BLOCK);
  putText(extension, 0, 100, paxHeaderName(header.name));
  putOctal(extension, 100, 8, 0);
  putOctal(extension, 108, 8, 0);
  putOctal(extension, 116, 8, 0);
  putOctal(extension, 124, 12, data.length);
  putOctal(extension, 136, 12, 0);
  extension.write('x', 156, 'latin1');
  seal(extension);
  return Buffer.concat([extension, data, tarPadding(data.length), main]);
}

/** Formats PAX records as `<length> <key>=<value>\n` each, the length counting itself. */
export function formatPaxRecords(records: readonly PaxRecord[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const [key, value] of records) {
    const keyBytes = encodePath(key);
    const rest = keyBytes.length + value.length + 3;
    let length = rest + String(rest).length;
    length = rest + String(length).length;
    parts.push(Buffer.from(`${length} `), keyBytes, Buffer.from('='), value, Buffer.from('\n'));
  }
  return Buffer.concat(parts);
}

/** The zero bytes between content of this size and the next header. */
export function tarPadding(size: number): Uint8Array {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

/** The two zero blocks that end an archive. Signature and control members of a package go without. */
export function tarEnd(): Uint8Array {
  return new Uint8Array(2 * BLOCK);
}

function splitName(name: Buffer): { prefix: Buffer; name: Buffer } | undefined {
  if (name.length <= 100 || !isAscii(name)) return undefined;
  let length = name.length;
  if (length > 156) length = 156;
  else if (name[length - 1] === 0x2f) length--;
  const slash = name.subarray(0, length).lastIndexOf(0x2f);
  const rest = name.length - slash - 1;
  if (slash <= 0 || rest > 100 || rest === 0 || slash > 155) return undefined;
  return { prefix: name.subarray(0, slash), name: name.subarray(slash + 1) };
}

function paxHeaderName(name: string): Buffer {
  const slash = name.lastIndexOf('/');
  const joined = cleanPath(`${name.slice(0, slash + 1)}PaxHeaders.0/${name.slice(slash + 1)}`);
  let bytes = asciiOnly(encodePath(joined)).subarray(0, 100);
  while (bytes.at(-1) === 0x2f) bytes = bytes.subarray(0, -1);
  return bytes;
}

/** Go's `path.Clean`: no `.`, no `..` that can be resolved, no doubled slashes. */
function cleanPath(path: string): string {
  const rooted = path.startsWith('/');
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && out.length > 0 && out.at(-1) !== '..') out.pop();
    else if (part !== '..' || !rooted) out.push(part);
  }
  return (rooted ? '/' : '') + out.join('/');
}

function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((b) => b < 0x80);
}

function asciiOnly(bytes: Buffer): Buffer {
  return isAscii(bytes) ? bytes : Buffer.from(bytes.filter((b) => b < 0x80 && b !== 0));
}

function fitsOctal(value: number, room: number): boolean {
  return value >= 0 && value < 8 ** (room - 1);
}

function putText(block: Buffer, at: number, room: number, bytes: Buffer): void {
  bytes.copy(block, at, 0, Math.min(bytes.length, room));
  if (bytes.length > room && block[at + room - 1] === 0x2f) {
    // A file whose cut name ends in a slash would read as a directory.
    let end = room - 1;
    while (end > 0 && block[at + end - 1] === 0x2f) end--;
    block[at + end] = 0;
  }
}

function putOctal(block: Buffer, at: number, room: number, value: number): void {
  const digits = (fitsOctal(value, room) ? value : 0).toString(8).padStart(room - 1, '0');
  block.write(digits, at, 'latin1');
}

function seal(block: Buffer): void {
  block.write('ustar\x0000', 257, 'latin1');
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}
