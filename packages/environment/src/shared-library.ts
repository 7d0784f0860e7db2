/** What the cache of the dynamic loader needs to know of a shared library. */
export interface SharedLibrary {
  /** `e_machine` of its ELF header: 62 is x86-64, 183 is aarch64. */
  readonly machine: number;
  readonly soname?: string;
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_STRTAB = 5n;
const DT_SONAME = 14n;

/**
 * Reads machine and soname of a 64-bit little-endian shared library from its program headers; `undefined` for
 * everything else, damaged files among it.
 *
 * @see https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.dynamic.html
 */
export function readSharedLibrary(bytes: Uint8Array): SharedLibrary | undefined {
  const elf = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isElf64 = elf.length >= 64 && elf.readUInt32BE(0) === 0x7f454c46 && elf[4] === 2 && elf[5] === 1;
  if (!isElf64 || elf.readUInt16LE(16) !== 3) return undefined;
  const machine = elf.readUInt16LE(18);
  try {
    const soname = readSoname(elf);
    return soname === undefined ? { machine } : { machine, soname };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readSoname(elf: Buffer): string | undefined {
  const at = Number(elf.readBigUInt64LE(32));
  const size = elf.readUInt16LE(54);
  const headers = Array.from({ length: elf.readUInt16LE(56) }, (_, i) => {
    const start = at + i * size;
    return {
      type: elf.readUInt32LE(start),
      offset: elf.readBigUInt64LE(start + 8),
      address: elf.readBigUInt64LE(start + 16),
      length: elf.readBigUInt64LE(start + 32),
    };
  });
  const dynamic = headers.find((h) => h.type === PT_DYNAMIC);
  if (dynamic === undefined) return undefined;
  const values = new Map<bigint, bigint>();
  for (let i = 0n; i + 16n <= dynamic.length; i += 16n) {
    const entry = Number(dynamic.offset + i);
    const tag = elf.readBigInt64LE(entry);
    if (tag === 0n) break;
    values.set(tag, elf.readBigUInt64LE(entry + 8));
  }
  const strings = values.get(DT_STRTAB);
  const name = values.get(DT_SONAME);
  if (strings === undefined || name === undefined) return undefined;
  const load = headers.find(
    (h) => h.type === PT_LOAD && strings >= h.address && strings < h.address + h.length,
  );
  if (load === undefined) return undefined;
  const start = Number(strings - load.address + load.offset + name);
  const end = elf.indexOf(0, start);
  return end <= start ? undefined : elf.toString('utf8', start, end);
}
