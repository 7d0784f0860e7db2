const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_STRTAB = 5n;
const DT_SONAME = 14n;

/** The SONAME of a 64-bit little-endian ELF shared object; undefined for anything else. */
export function elfSoname(bytes: Uint8Array): string | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < 64 || file.readUInt32BE(0) !== 0x7f454c46 || file[4] !== 2 || file[5] !== 1)
    return undefined;
  const table = Number(file.readBigUInt64LE(32));
  const entrySize = file.readUInt16LE(54);
  const count = file.readUInt16LE(56);
  const segments: { type: number; offset: number; address: bigint; size: number }[] = [];
  for (let i = 0; i < count; i++) {
    const at = table + i * entrySize;
    if (at + 56 > file.length) return undefined;
    segments.push({
      type: file.readUInt32LE(at),
      offset: Number(file.readBigUInt64LE(at + 8)),
      address: file.readBigUInt64LE(at + 16),
      size: Number(file.readBigUInt64LE(at + 32)),
    });
  }
  const dynamic = segments.find((s) => s.type === PT_DYNAMIC);
  if (dynamic === undefined) return undefined;
  let soname: bigint | undefined;
  let strings: bigint | undefined;
  for (let at = dynamic.offset; at + 16 <= Math.min(dynamic.offset + dynamic.size, file.length); at += 16) {
    const tag = file.readBigInt64LE(at);
    if (tag === 0n) break;
    if (tag === DT_SONAME) soname = file.readBigUInt64LE(at + 8);
    if (tag === DT_STRTAB) strings = file.readBigUInt64LE(at + 8);
  }
  if (soname === undefined || strings === undefined) return undefined;
  const address = strings;
  const load = segments.find(
    (s) => s.type === PT_LOAD && address >= s.address && address < s.address + BigInt(s.size),
  );
  if (load === undefined) return undefined;
  const start = load.offset + Number(address - load.address) + Number(soname);
  const end = file.indexOf(0, start);
  return end < 0 ? undefined : file.toString('latin1', start, end);
}
