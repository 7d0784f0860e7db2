import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readSoname, SharedLibraryReader, type SharedLibrary } from './shared-library.ts';

interface Layout {
  /** Where the text with the soname begins. */
  readonly names: number;
  /** Where the dynamic section is. */
  readonly dynamic: number;
  /** How much of the file the first loaded segment has. */
  readonly first: number;
  readonly size: number;
}

const soname = 'libsample.so.7';

/** A library for aarch64 with three program headers: two loaded segments, at ten times their place, and a dynamic one. */
function library({ names, dynamic, first, size }: Layout): Buffer {
  const elf = Buffer.alloc(size, 0x5a);
  elf.fill(0, 0, 64 + 3 * 56);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(elf);
  elf.writeUInt16LE(3, 16);
  elf.writeUInt16LE(183, 18);
  elf.writeBigUInt64LE(64n, 32);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(3, 56);
  const header = (at: number, type: number, start: number, length: number, address: number): void => {
    elf.writeUInt32LE(type, at);
    elf.writeBigUInt64LE(BigInt(start), at + 8);
    elf.writeBigUInt64LE(BigInt(address), at + 16);
    elf.writeBigUInt64LE(BigInt(length), at + 32);
  };
  header(64, 1, 0, first, 0x10000000);
  header(120, 1, first, size - first, 0x20000000);
  header(176, 2, dynamic, 64, 0);
  const address = names < first ? 0x10000000 + names : 0x20000000 + names - first;
  const entries = [14, 6, 5, address, 0, 0].map(BigInt);
  elf.fill(0, dynamic, dynamic + 64);
  for (const [i, value] of entries.entries()) elf.writeBigUInt64LE(value, dynamic + 8 * i);
  elf.write(`\0libc\0${soname}\0`, names);
  return elf;
}

async function read(elf: Buffer, sizes: readonly number[]): Promise<SharedLibrary | undefined> {
  const chunks: Buffer[] = [];
  for (let at = 0, i = 0; at < elf.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    chunks.push(elf.subarray(at, at + size));
    at += size;
  }
  const reader = new SharedLibraryReader();
  for (const chunk of chunks) {
    // What has passed is used for something else afterwards.
    const passing = Buffer.from(chunk);
    reader.add(passing);
    passing.fill(0xff);
  }
  const found = reader.result();
  if (found === undefined || reader.missed === undefined) return found;
  const again = async function* (): AsyncGenerator<Uint8Array> {
    yield* chunks;
  };
  const name = await readSoname(again(), reader.missed);
  return name === undefined ? found : { ...found, soname: name };
}

const MiB = 1024 * 1024;
const layouts = {
  'behind the headers': { names: 600, dynamic: 9000, first: 8192, size: 20_000 },
  'at the end, where a program has put them': { names: 9100, dynamic: 1000, first: 8192, size: 9300 },
  'behind the dynamic section in the first segment': { names: 700, dynamic: 300, first: 8192, size: 9000 },
  'far behind the headers, before the dynamic section': {
    names: MiB,
    dynamic: 2 * MiB,
    first: 1.5 * MiB,
    size: 2 * MiB + 500,
  },
  'in the second segment, before the dynamic section': {
    names: 9000,
    dynamic: 200_000,
    first: 8192,
    size: 201_000,
  },
} satisfies Readonly<Record<string, Layout>>;

test.for(Object.entries(layouts))('a soname is found %s', async ([, layout]) => {
  const elf = library(layout);
  const sizes = fc.array(fc.integer({ min: 1, max: 300_000 }), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(sizes, async (cuts) => {
      // Cuts of a few bytes in a file of megabytes would take minutes.
      const coarse = cuts.map((cut) => Math.max(cut, Math.ceil(elf.length / 5000)));
      expect(await read(elf, coarse)).toEqual({ machine: 183, soname });
    }),
    { numRuns: 40 },
  );
});

test('what is no library, or is cut short, is none', async () => {
  const elf = library(layouts['behind the headers']);
  expect(await read(Buffer.from('INPUT(libc.so.6)'), [5])).toBeUndefined();
  expect(await read(Buffer.alloc(0), [5])).toBeUndefined();
  expect(await read(elf.subarray(0, 9010), [700])).toBeUndefined();
  for (let length = 1; length < 300; length++) await read(elf.subarray(0, length), [7]);
});
