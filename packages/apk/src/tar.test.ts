import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  assert,
  asyncProperty,
  constantFrom,
  integer,
  record,
  string,
  uint8Array,
  uniqueArray,
} from 'fast-check';
import { pack, extract } from 'tar-stream';
import { afterAll, describe, expect, test } from 'vitest';
import {
  compareBytes,
  decodePath,
  encodePath,
  formatTarHeader,
  readTar,
  tarHeader,
  writeTar,
} from './index.ts';
import type { TarEndReport, TarHeader, TarInput } from './index.ts';

const dir = mkdtempSync(join(tmpdir(), 'apk-tar-'));
afterAll(() => rmSync(dir, { recursive: true }));

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<{ entries: (TarHeader & { text: string })[]; end: TarEndReport | undefined }> {
  const entries: (TarHeader & { text: string })[] = [];
  let end: TarEndReport | undefined;
  for await (const entry of readTar(source, { onEnd: (e) => (end = e) })) {
    entries.push({ ...headerOf(entry), text: Buffer.from(await entry.bytes()).toString('latin1') });
  }
  return { entries, end };
}

function headerOf(entry: TarHeader): TarHeader {
  const { name, type, mode, uid, gid, uname, gname, size, mtime, linkName, devMajor, devMinor, pax } = entry;
  return { name, type, mode, uid, gid, uname, gname, size, mtime, linkName, devMajor, devMinor, pax };
}

const long = 'd/'.repeat(70) + 'n'.repeat(120);
const everything: TarInput[] = [
  { header: tarHeader({ name: 'dir', type: 'directory', mode: 0o3775, uid: 7, gid: 8 }) },
  {
    header: tarHeader({
      name: 'dir/file',
      size: 5,
      mode: 0o4755,
      uname: 'root',
      gname: 'root',
      mtime: 1_700_000_000,
      pax: [
        ['APK-TOOLS.checksum.SHA1', Uint8Array.of(0x61, 0x61)],
        ['SCHILY.xattr.security.capability', Uint8Array.of(1, 0, 0, 2, 0, 4, 0, 0x80, 0xff)],
      ],
    }),
    content: Buffer.from('hello'),
  },
  { header: tarHeader({ name: 'dir/hard', type: 'hardLink', linkName: 'dir/file' }) },
  { header: tarHeader({ name: 'dir/sym', type: 'symlink', mode: 0o777, linkName: '../über' }) },
  { header: tarHeader({ name: 'null', type: 'characterDevice', devMajor: 1, devMinor: 3, mode: 0o666 }) },
  { header: tarHeader({ name: 'blk', type: 'blockDevice', devMajor: 8, devMinor: 300 }) },
  { header: tarHeader({ name: 'pipe', type: 'fifo' }) },
  { header: tarHeader({ name: 'big-ids', uid: 3_000_000_000, gid: 2_097_152, mtime: -5 }) },
  { header: tarHeader({ name: long, size: 513 }), content: Buffer.alloc(513, 0x61) },
  { header: tarHeader({ name: decodePath(Buffer.from('bad-\xff-name', 'latin1')) }) },
  { header: tarHeader({ name: 'empty' }) },
];

describe('an archive of every kind of entry', () => {
  test.each([1, 511, 512, 4096, 1 << 20])('reads back as it was written, in chunks of %i', async (size) => {
    const archive = await collect(writeTar(everything));
    const { entries, end } = await readAll(cut(archive, size));
    expect(entries.map(headerOf)).toEqual(everything.map((e) => e.header));
    expect(entries[1]?.text).toBe('hello');
    expect(entries[8]?.text).toBe('a'.repeat(513));
    expect(end).toEqual({ endOfArchive: true, garbage: false, bytes: archive.length });
  });

  test('is listed by GNU tar with the same names, modes, owners, links and devices', async () => {
    const file = join(dir, 'all.tar');
    writeFileSync(file, await collect(writeTar(everything)));
    const lines = execFileSync('tar', ['--numeric-owner', '--utc', '-tvf', file], {
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    })
      .toString('latin1')
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/\d{4}-\d\d-\d\d \d\d:\d\d/, '@').replaceAll(/ +/g, ' '));
    expect(lines.slice(0, 8)).toEqual([
      'drwxrwsr-t 7/8 0 @ dir',
      '-rwsr-xr-x 0/0 5 @ dir/file',
      'hrw-r--r-- 0/0 0 @ dir/hard link to dir/file',
      'lrwxrwxrwx 0/0 0 @ dir/sym -> ../Ã¼ber',
      'crw-rw-rw- 0/0 1,3 @ null',
      'brw-r--r-- 0/0 8,300 @ blk',
      'prw-r--r-- 0/0 0 @ pipe',
      '-rw-r--r-- 3000000000/2097152 0 @ big-ids',
    ]);
    expect(lines[8]).toBe(`-rw-r--r-- 0/0 513 @ ${long}`);
  });

  test('is understood by tar-stream where it can', async () => {
    const seen: (string | undefined)[][] = [];
    const other = extract();
    other.on('entry', (header, stream, next) => {
      seen.push([header.name, header.type ?? undefined, header.linkname ?? undefined]);
      stream.on('end', next).resume();
    });
    other.end(await collect(writeTar(everything.slice(0, 5))));
    for await (const _ of other);
    expect(seen).toEqual([
      ['dir', 'directory', undefined],
      ['dir/file', 'file', undefined],
      ['dir/hard', 'link', 'dir/file'],
      ['dir/sym', 'symlink', '../über'],
      ['null', 'character-device', undefined],
    ]);
  });
});

test.each(['gnu', 'posix', 'ustar', 'v7', 'oldgnu'])('reads what GNU tar writes as %s', async (format) => {
  const tree = mkdtempSync(join(dir, 'tree-'));
  const name = format === 'v7' || format === 'ustar' ? 'x'.repeat(95) : 'y'.repeat(200);
  writeFileSync(join(tree, name), 'content');
  execFileSync('ln', ['-s', format === 'v7' ? 'z' : 't'.repeat(90), join(tree, 'zz-link')]);
  const archive = execFileSync(
    'tar',
    [`--format=${format}`, '--owner=0', '--group=0', '--sort=name', '-C', tree, '-cf', '-', '.'],
    { maxBuffer: 1 << 24 },
  );
  const { entries, end } = await readAll([archive]);
  expect(entries.map((e) => [e.name, e.type, e.text])).toEqual([
    ['.', 'directory', ''],
    [`./${name}`, 'file', 'content'],
    ['./zz-link', 'symlink', ''],
  ]);
  expect(end).toMatchObject({ endOfArchive: true, garbage: false });
});

test('reads what tar-stream writes', async () => {
  const other = pack();
  other.entry({ name: 'a/'.repeat(60) + 'b', mtime: new Date(5000) }, 'x');
  other.finalize();
  const { entries } = await readAll(other as unknown as AsyncIterable<Uint8Array>);
  expect(entries.map((e) => [e.name, e.mtime, e.text])).toEqual([['a/'.repeat(60) + 'b', 5, 'x']]);
});

test('sizes beyond 8 GiB survive in both directions', async () => {
  const size = 9_000_000_000;
  const block = Buffer.alloc(1_000_000);
  async function* content(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < size / block.length; i++) yield block;
  }
  const header = tarHeader({ name: 'huge', size });
  for await (const entry of readTar(writeTar([{ header, content: content() }]))) {
    expect(entry.size).toBe(size);
    break;
  }
});

test('an archive without end blocks is whole, one cut inside an entry is not', async () => {
  const open = await collect(writeTar(everything.slice(0, 2), { end: false }));
  expect((await readAll([open])).end).toEqual({ endOfArchive: false, garbage: false, bytes: open.length });
  await expect(readAll([open.subarray(0, -600)])).rejects.toMatchObject({ code: 'TAR_TRUNCATED' });
  const broken = Buffer.from(open);
  broken.write('9', 3);
  await expect(readAll([broken])).rejects.toMatchObject({ code: 'TAR_INVALID' });
});

test('sparse files are refused instead of read as something else', async () => {
  const file = join(dir, 'sparse');
  execFileSync('truncate', ['-s', '1M', file]);
  for (const format of ['gnu', 'posix']) {
    const archive = execFileSync('tar', ['-S', `--format=${format}`, '-C', dir, '-cf', '-', 'sparse']);
    await expect(readAll([archive])).rejects.toMatchObject({ code: 'TAR_SPARSE_UNSUPPORTED' });
  }
});

test('unread content is skipped, and leaving early closes the source', async () => {
  let closed = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      yield* cut(await collect(writeTar(everything)), 700);
    } finally {
      closed = true;
    }
  }
  const names: string[] = [];
  for await (const entry of readTar(source())) {
    names.push(entry.name);
    if (entry.name === 'big-ids') break;
  }
  expect(names.length).toBe(8);
  expect(closed).toBe(true);
});

test('a content of another length than its header says is a bug of the caller', async () => {
  const short = writeTar([{ header: tarHeader({ name: 'a', size: 3 }), content: Buffer.from('ab') }]);
  await expect(collect(short)).rejects.toThrow('a has 2 bytes, its header says 3');
});

test('any names, owners, times, attributes and contents survive', async () => {
  const text = string({ unit: 'binary', minLength: 1, maxLength: 300 }).map((t) =>
    decodePath(encodePath(t.replaceAll(/[\0/]/g, '_'))),
  );
  const entry = record({
    name: text,
    type: constantFrom('file' as const, 'symlink' as const, 'directory' as const),
    linkName: text,
    mode: integer({ min: 0, max: 0o7777 }),
    uid: integer({ min: 0, max: 2 ** 32 }),
    gid: integer({ min: 0, max: 2 ** 32 }),
    mtime: integer({ min: -(2 ** 31), max: 2 ** 40 }),
    uname: text,
    attribute: uint8Array({ maxLength: 50 }),
    content: uint8Array({ maxLength: 2000 }),
  });
  await assert(
    asyncProperty(uniqueArray(entry, { selector: (e) => e.name, maxLength: 5 }), async (entries) => {
      const inputs = entries.map(({ attribute, content, linkName, ...rest }): TarInput => {
        const size = rest.type === 'file' ? content.length : 0;
        const pax = [['SCHILY.xattr.user.x', attribute] as const];
        const link = rest.type === 'symlink' ? linkName : '';
        return { header: tarHeader({ ...rest, size, pax, linkName: link }), content };
      });
      const { entries: back } = await readAll([await collect(writeTar(inputs))]);
      expect(back.map(headerOf)).toEqual(inputs.map((i) => i.header));
    }),
    { numRuns: 100, seed: 1 },
  );
});

test('names are ordered by their bytes', () => {
  const names = ['\u{1f600}', '\uffee', 'z', decodePath(Buffer.of(0x80)), 'é'];
  expect(names.toSorted(compareBytes)).toEqual(
    names.toSorted((a, b) => Buffer.compare(encodePath(a), encodePath(b))),
  );
});

const vectors = process.env['MELANGE2_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors');
interface Row {
  name: string;
  linkname: string;
  type: string;
  mode: string;
  uid: number;
  gid: number;
  uname: string;
  gname: string;
  size: number;
  mtime: number;
  records: Record<string, string>;
  header: string;
}
const rows = ((): Row[] => {
  try {
    return JSON.parse(readFileSync(join(vectors, 'package/tar-headers.json'), 'utf8')) as Row[];
  } catch {
    return [];
  }
})();

test.skipIf(rows.length === 0)(
  `headers have the bytes that the field's packages have${rows.length === 0 ? ' (no vectors here)' : ''}`,
  () => {
    const types = [
      'file',
      'hardLink',
      'symlink',
      'characterDevice',
      'blockDevice',
      'directory',
      'fifo',
    ] as const;
    const different = rows.filter((row) => {
      const bytes = formatTarHeader(
        tarHeader({
          name: row.name,
          linkName: row.linkname,
          type: types[Number(row.type)] ?? 'file',
          mode: Number.parseInt(row.mode, 8),
          uid: row.uid,
          gid: row.gid,
          uname: row.uname,
          gname: row.gname,
          size: row.size,
          mtime: row.mtime,
          pax: Object.entries(row.records).map(([k, v]) => [k, Buffer.from(v, 'base64')] as const),
        }),
      );
      return !Buffer.from(row.header, 'base64').equals(bytes);
    });
    expect(different.map((r) => [r.name, r.mtime, r.records])).toEqual([]);
  },
);
