import type { ByteSource } from '@melange2/apk';

/** One section of an ELF file. */
export interface ElfSection {
  readonly name: string;
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}

/** One program header of an ELF file: a piece that is loaded, or that says something about loading. */
export interface ElfSegment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
}

/** What an ELF file says about itself. */
export interface ElfFile {
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  /** `e_type`: 1 relocatable, 2 executable, 3 shared. */
  readonly type: number;
  /** `e_machine`: 62 is x86-64, 183 is aarch64. */
  readonly machine: number;
  /** Path of the program that loads it; absent for libraries and static programs. */
  readonly interpreter?: string;
  readonly needed: readonly string[];
  readonly sonames: readonly string[];
  readonly rpaths: readonly string[];
  readonly runpaths: readonly string[];
  /** Whether it has a dynamic section at all. */
  readonly dynamic: boolean;
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];
}

const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const SHT_DYNAMIC = 6;

const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_STRSZ = 10;
const DT_SONAME = 14;
const DT_RPATH = 15;
const DT_RUNPATH = 29;

/** Largest table or string that is believed. */
const maxTableBytes = 64 * 1024 * 1024;

/** A file that begins as ELF but whose tables lead outside of it. */
export class ElfDamaged extends Error {
  override readonly name: string = 'ElfDamaged';
}

/**
 * Reads what matters of an ELF file, a few kilobytes of it whatever its size.
 *
 * Libraries and names are found the way the loader finds them, through the program headers, so a file
 * without a section table reads as well; the section table is used where there are no program headers.
 *
 * @returns undefined when the file is not ELF.
 * @throws {ElfDamaged} when it is ELF but cut short or inconsistent.
 * @see https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html
 */
export async function readElf(source: ByteSource): Promise<ElfFile | undefined> {
  if (source.size < 16) return undefined;
  const read = async (offset: number, length: number): Promise<Buffer> => {
    if (offset < 0 || length < 0 || offset + length > source.size || length > maxTableBytes) {
      throw new ElfDamaged(`needs ${length} bytes at ${offset}, the file has ${source.size}`);
    }
    const bytes = await source.read(offset, length);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
  const first = await read(0, Math.min(64, source.size));
  if (first.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const bits = first[4] === 1 ? 32 : 64;
  const littleEndian = first[5] !== 2;
  const view = fields(littleEndian, bits);
  if (first.length < (bits === 32 ? 52 : 64)) throw new ElfDamaged('the header is cut short');
  const wide = bits === 64;
  const programOffset = view.word(first, wide ? 32 : 28);
  const sectionOffset = view.word(first, wide ? 40 : 32);
  const [programSize, programCount, sectionSize, sectionCount, nameIndex] = [0, 2, 4, 6, 8].map((at) =>
    view.half(first, (wide ? 54 : 42) + at),
  ) as [number, number, number, number, number];

  const segments: ElfSegment[] = [];
  if (programOffset > 0 && programCount > 0) {
    if (programSize < (wide ? 56 : 32)) throw new ElfDamaged('its program headers are too small');
    const table = await read(programOffset, programSize * programCount);
    for (let i = 0; i < programCount; i++) {
      const at = i * programSize;
      segments.push({
        type: view.int(table, at),
        flags: view.int(table, at + (wide ? 4 : 24)),
        offset: view.word(table, at + (wide ? 8 : 4)),
        address: view.word(table, at + (wide ? 16 : 8)),
        fileSize: view.word(table, at + (wide ? 32 : 16)),
      });
    }
  }
  const sections = await readSections(read, view, wide, sectionOffset, sectionSize, sectionCount, nameIndex);

  const interp = segments.find((s) => s.type === PT_INTERP);
  const interpreter = interp && cString(await read(interp.offset, interp.fileSize), 0);
  const dynamicPart =
    segments.find((s) => s.type === PT_DYNAMIC) ??
    sections
      .filter((s) => s.type === SHT_DYNAMIC)
      .map((s) => ({ offset: s.offset, fileSize: s.size }))
      .at(0);
  const found: Record<number, string[]> = {};
  if (dynamicPart !== undefined) {
    const table = await read(dynamicPart.offset, dynamicPart.fileSize);
    const entries: [tag: number, value: number][] = [];
    const entrySize = wide ? 16 : 8;
    for (let at = 0; at + entrySize <= table.length; at += entrySize) {
      const tag = view.word(table, at);
      if (tag === 0) break;
      entries.push([tag, view.word(table, at + entrySize / 2)]);
    }
    const value = (tag: number): number | undefined => entries.find(([t]) => t === tag)?.[1];
    const strings = await readStrings(read, value(DT_STRTAB), value(DT_STRSZ), segments, sections);
    for (const [tag, offset] of entries) {
      if (![DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH].includes(tag) || strings === undefined) continue;
      if (offset >= strings.length) throw new ElfDamaged('a name lies outside the string table');
      (found[tag] ??= []).push(cString(strings, offset));
    }
  }
  return {
    bits,
    littleEndian,
    type: view.half(first, 16),
    machine: view.half(first, 18),
    ...(interpreter === undefined ? {} : { interpreter }),
    needed: found[DT_NEEDED] ?? [],
    sonames: found[DT_SONAME] ?? [],
    rpaths: found[DT_RPATH] ?? [],
    runpaths: found[DT_RUNPATH] ?? [],
    dynamic: dynamicPart !== undefined,
    segments,
    sections,
  };
}

type Read = (offset: number, length: number) => Promise<Buffer>;
type View = ReturnType<typeof fields>;

function fields(
  littleEndian: boolean,
  bits: 32 | 64,
): {
  half: (b: Buffer, at: number) => number;
  int: (b: Buffer, at: number) => number;
  word: (b: Buffer, at: number) => number;
} {
  const int = (b: Buffer, at: number): number => (littleEndian ? b.readUInt32LE(at) : b.readUInt32BE(at));
  return {
    half: (b, at) => (littleEndian ? b.readUInt16LE(at) : b.readUInt16BE(at)),
    int,
    // Offsets beyond 2^53 do not exist in files; they show up as damage when they are read.
    word: (b, at) =>
      bits === 32 ? int(b, at) : Number(littleEndian ? b.readBigUInt64LE(at) : b.readBigUInt64BE(at)),
  };
}

async function readSections(
  read: Read,
  view: View,
  wide: boolean,
  offset: number,
  size: number,
  count: number,
  nameIndex: number,
): Promise<ElfSection[]> {
  if (offset === 0 || size < (wide ? 64 : 40)) return [];
  const first = await read(offset, size);
  // Files with very many sections keep the real numbers in the first, empty one.
  const total = count === 0 ? view.word(first, wide ? 32 : 20) : count;
  const names = nameIndex === 0xffff ? view.int(first, wide ? 40 : 24) : nameIndex;
  const table = await read(offset, size * total);
  const raw = Array.from({ length: total }, (_, i) => {
    const at = i * size;
    return {
      nameAt: view.int(table, at),
      type: view.int(table, at + 4),
      offset: view.word(table, at + (wide ? 24 : 16)),
      size: view.word(table, at + (wide ? 32 : 20)),
    };
  });
  const strings = raw[names];
  const text = strings === undefined ? Buffer.alloc(0) : await read(strings.offset, strings.size);
  return raw.map(({ nameAt, ...section }) => ({ ...section, name: cString(text, nameAt) }));
}

async function readStrings(
  read: Read,
  address: number | undefined,
  size: number | undefined,
  segments: readonly ElfSegment[],
  sections: readonly ElfSection[],
): Promise<Buffer | undefined> {
  if (address === undefined) return undefined;
  const load = segments.find(
    (s) => s.type === PT_LOAD && address >= s.address && address < s.address + s.fileSize,
  );
  if (load !== undefined) {
    const offset = address - load.address + load.offset;
    return read(offset, size ?? load.offset + load.fileSize - offset);
  }
  const section = sections.find((s) => s.name === '.dynstr');
  if (section === undefined) throw new ElfDamaged('the string table lies nowhere in the file');
  return read(section.offset, section.size);
}

function cString(bytes: Buffer, at: number): string {
  const end = bytes.indexOf(0, at);
  return bytes.toString('utf8', at, end < 0 ? bytes.length : end);
}
