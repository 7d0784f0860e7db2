import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { gunzipSync, gzipSync, type InflateRaw } from 'node:zlib';
import { expect, test, vi } from 'vitest';
import { gzipParallel, readGzipMembers } from './index.ts';

const inflaters: InflateRaw[] = [];
vi.mock(import('node:zlib'), async (load) => {
  const zlib = await load();
  const createInflateRaw: typeof zlib.createInflateRaw = (options) => {
    const made = zlib.createInflateRaw(options);
    inflaters.push(made);
    return made;
  };
  return { ...zlib, createInflateRaw };
});

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const text = Buffer.from('the quick brown fox jumps over the lazy dog\n'.repeat(40_000));
const noise = randomBytes(700_000);

test.each([
  ['nothing', Buffer.alloc(0)],
  ['a little', Buffer.from('hello')],
  ['exactly one block', text.subarray(0, 512 * 1024)],
  ['several blocks', Buffer.concat([text, noise, text])],
])('%s becomes one member that gzip accepts and unpacks to the same', async (_, input) => {
  const packed = await collect(gzipParallel(cut(input, 10_000)));
  execFileSync('gzip', ['-t'], { input: packed });
  expect(gunzipSync(packed).equals(input)).toBe(true);
  const members = [];
  for await (const member of readGzipMembers([packed])) members.push(member.index);
  expect(members).toEqual([0]);
});

test('equal input gives equal bytes, however it is cut and however many blocks run at a time', async () => {
  const input = Buffer.concat([text, text]);
  const digests = new Set<string>();
  for (const [size, concurrency] of [
    [777_777, 1],
    [64 * 1024, 8],
    [input.length, 3],
  ] as const) {
    const packed = await collect(gzipParallel(cut(input, size), { concurrency }));
    digests.add(createHash('sha256').update(packed).digest('hex'));
  }
  expect([...digests]).toEqual(['9419abec7cf4a1f8d6505ec8d1a42fb9199ce27d7b2e6d94920e21c1b06960dd']);
});

test('a failing source fails the compression', async () => {
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield text;
    throw new Error('stream reset');
  }
  await expect(collect(gzipParallel(failing()))).rejects.toThrow('stream reset');
});

const members = [gzipSync('signature'), gzipSync(text), await collect(gzipParallel([noise, text]))];
const contents = [Buffer.from('signature'), text, Buffer.concat([noise, text])];

test.each([1_000_000_000, 4096, 100, 7])(
  'members are told apart to the byte, in chunks of %i',
  async (size) => {
    const input = size === 7 ? members.slice(0, 2) : members;
    const seen: unknown[] = [];
    const hashes = input.map(() => createHash('sha256'));
    const reader = readGzipMembers(cut(Buffer.concat(input), size), {
      onCompressed: (bytes, member) => hashes[member]?.update(bytes),
    });
    for await (const member of reader) {
      const content = await collect(member.content);
      seen.push([member.offset, member.length(), content.equals(contents[member.index] ?? Buffer.alloc(0))]);
    }
    let offset = 0;
    expect(seen).toEqual(input.map((m) => [(offset += m.length) - m.length, m.length, true]));
    expect(hashes.map((h) => h.digest('hex'))).toEqual(
      input.map((m) => createHash('sha256').update(m).digest('hex')),
    );
  },
);

test('a member that is not read, or not to its end, is skipped', async () => {
  const offsets: number[] = [];
  for await (const member of readGzipMembers([Buffer.concat(members)])) {
    offsets.push(member.offset);
    if (member.index === 1) for await (const _ of member.content) break;
  }
  expect(offsets).toEqual([0, members[0]?.length, (members[0]?.length ?? 0) + (members[1]?.length ?? 0)]);
});

test('names, comments and extra fields in a header are read over', async () => {
  const plain = gzipSync('x');
  const odd = Buffer.concat([
    Buffer.from('1f8b081c000000000003', 'hex'),
    Buffer.from('0300616263', 'hex'),
    Buffer.from('name\0comment\0'),
    plain.subarray(10),
  ]);
  const seen: string[] = [];
  for await (const m of readGzipMembers([odd, plain])) seen.push((await collect(m.content)).toString());
  expect(seen).toEqual(['x', 'x']);
});

const damaged: [string, Buffer, string][] = [
  ['an empty file', Buffer.alloc(0), 'the file is empty'],
  ['another file', Buffer.from('<html></html>'), 'it does not begin as gzip does'],
  ['a cut file', gzipSync(text).subarray(0, 400), 'it ends in the middle of the compressed data'],
  ['a cut trailer', gzipSync('abc').subarray(0, -3), 'it ends in the middle of the checksum'],
  ['trailing bytes', Buffer.concat([gzipSync('abc'), Buffer.from('zzz')]), 'bytes that are no gzip member'],
  [
    'a changed checksum',
    ((): Buffer => {
      const bytes = gzipSync('abc');
      bytes.writeUInt32LE(1, bytes.length - 8);
      return bytes;
    })(),
    'the checksum of the content is wrong',
  ],
];

test.each(damaged)('%s is refused with the reason', async (_, bytes, why) => {
  const reading = (async (): Promise<void> => {
    for await (const member of readGzipMembers([bytes], { file: 'x.apk' })) await collect(member.content);
  })();
  await expect(reading).rejects.toMatchObject({ code: 'GZIP_INVALID' });
  await expect(reading).rejects.toThrow(why);
});

test('nothing that unpacks is held when its member was read, skipped or found to be damaged', async () => {
  const packed = Buffer.concat(members);
  inflaters.length = 0;
  for await (const member of readGzipMembers(cut(packed, 4096))) {
    if (member.index === 1) await collect(member.content);
  }
  const at = packed.length - 200_000;
  packed.writeUInt8(packed.readUInt8(at) ^ 0xff, at);
  await expect(async () => {
    for await (const member of readGzipMembers([packed])) void member;
  }).rejects.toThrow(/GZIP_INVALID|damaged|wrong/);
  expect(inflaters.length).toBe(6);
  // Before, 40 KB of each waited to be collected: ten megabytes for an environment.
  expect(inflaters.filter((i) => !i.destroyed)).toEqual([]);
});
