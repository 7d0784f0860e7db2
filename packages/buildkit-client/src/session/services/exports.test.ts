import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encode, filesync } from '@melange2/proto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { goMode } from '../fsutil/go-mode.ts';
import { packetType } from '../fsutil/packet.ts';
import { receiveTree } from '../fsutil/receive-tree.ts';
import { duplexTransport } from '../../http2/transport.ts';
import { serveSession } from '../serve-session.ts';
import type { ExportSink } from '../session-host.ts';
import { duplexPair, fakePeer, testSession, type TestSession } from '../testing/fake-peer.ts';
import { bytes, sendAsDaemon, type SentFile } from '../testing/fake-sync.ts';

let base: string;
let out: string;
let session: TestSession | undefined;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'exports-'));
  out = join(base, 'out');
});

afterEach(async () => {
  await session?.close();
  session = undefined;
  rmSync(base, { recursive: true, force: true });
});

const file = (path: string, content: string, mode = 0o644): SentFile => ({
  stat: { path, mode, size: Buffer.byteLength(content), modTime: 1_000_000_000_000_000_000n },
  data: Buffer.from(content),
});
const folder = (path: string, mode = 0o755): SentFile => ({
  stat: { path, mode: goMode.dir + mode, modTime: 1_000_000_000_000_000_000n },
});
const link = (path: string, linkname: string): SentFile => ({
  stat: { path, mode: goMode.symlink + 0o777, linkname },
});

function start(): TestSession {
  session = testSession({ exports: [{ kind: 'dir', path: out }] });
  return session;
}

describe('a tree is received', () => {
  test('with modes, times, links and owners of its own', async () => {
    const { status, requested } = await sendAsDaemon(start().peer, [
      folder('a', 0o555),
      file('a/tool', 'text', 0o755 + goMode.setuid),
      { stat: { path: 'a/tool2', mode: 0o755, linkname: 'a/tool' } },
      file('empty', ''),
      link('up', '../../outside'),
    ]);
    expect(status.code).toBe(0);
    expect(requested).toEqual(['a/tool']);
    expect(readFileSync(join(out, 'a/tool'), 'utf8')).toBe('text');
    expect(statSync(join(out, 'a/tool')).mode & 0o7777).toBe(0o4755);
    expect(statSync(join(out, 'a/tool')).ino).toBe(statSync(join(out, 'a/tool2')).ino);
    expect(statSync(join(out, 'a/tool')).mtimeMs).toBe(1_000_000_000_000);
    expect(statSync(join(out, 'a')).mode & 0o777).toBe(0o555);
    expect(statSync(join(out, 'a')).mtimeMs).toBe(1_000_000_000_000);
    expect(readlinkSync(join(out, 'up'))).toBe('../../outside');
    expect(statSync(join(out, 'empty')).size).toBe(0);
    expect(readdirSync(base)).toEqual(['out']);
  });

  test('into a folder that has files, which stay unless they are replaced', async () => {
    mkdirSync(join(out, 'a/kept'), { recursive: true });
    writeFileSync(join(out, 'a/old'), 'old');
    writeFileSync(join(out, 'other'), 'other');
    mkdirSync(join(base, 'elsewhere'));
    symlinkSync(join(base, 'elsewhere'), join(out, 'b'));
    mkdirSync(join(out, 'c'));
    const { status } = await sendAsDaemon(start().peer, [
      folder('a'),
      file('a/old', 'new'),
      folder('b'),
      file('b/inside', 'x'),
      file('c', 'a file now'),
    ]);
    expect(status.code).toBe(0);
    expect(readdirSync(out).sort()).toEqual(['a', 'b', 'c', 'other']);
    expect(readFileSync(join(out, 'a/old'), 'utf8')).toBe('new');
    expect(existsSync(join(out, 'a/kept'))).toBe(true);
    expect(lstatSync(join(out, 'b')).isDirectory()).toBe(true);
    expect(readdirSync(join(base, 'elsewhere'))).toEqual([]);
    expect(readFileSync(join(out, 'c'), 'utf8')).toBe('a file now');
  });
});

describe('a hostile daemon is refused, and nothing is written:', () => {
  const escapes = 'SESSION_PATH_ESCAPES';
  const invalid = 'SESSION_PEER_INVALID';
  test.each<[string, string, SentFile[]]>([
    ['a path with ..', escapes, [file('../x', 'x')]],
    ['a path with .. inside', escapes, [folder('a'), file('a/../../x', 'x')]],
    ['an absolute path', escapes, [file('/tmp/x', 'x')]],
    ['an empty path', escapes, [{ stat: { mode: 0o644 } }]],
    ['a path with a null', escapes, [file('a\0b', 'x')]],
    ['a path through a link', escapes, [link('a', '/etc'), file('a/passwd', 'x')]],
    ['a path through a file', escapes, [file('a', 'x'), file('a/b', 'x')]],
    ['a path in a folder that was not listed', escapes, [file('a/b', 'x')]],
    [
      'a hard link to a file outside',
      escapes,
      [{ stat: { path: 'a', mode: 0o644, linkname: '/etc/passwd' } }],
    ],
    [
      'a hard link to a link',
      escapes,
      [link('a', '/etc/passwd'), { stat: { path: 'b', mode: 0o644, linkname: 'a' } }],
    ],
    ['a path that is too long', escapes, [file('x'.repeat(300), 'x')]],
    ['the same path twice', invalid, [file('a', 'x'), file('a', 'y')]],
    ['paths out of order', invalid, [file('b', 'x'), file('a', 'y')]],
    ['a folder replaced by a link', invalid, [folder('a'), link('a', '/etc')]],
    ['a link without a target', invalid, [link('a', '')]],
    ['a negative size', invalid, [{ stat: { path: 'a', mode: 0o644, size: -1n } }]],
    [
      'less content than announced',
      invalid,
      [{ ...file('a', 'x'), stat: { path: 'a', mode: 0o644, size: 100n } }],
    ],
    [
      'more content than announced',
      invalid,
      [{ ...file('a', 'xxx'), stat: { path: 'a', mode: 0o644, size: 1n } }],
    ],
    [
      'a device',
      'SESSION_ENTRY_UNSUPPORTED',
      [{ stat: { path: 'null', mode: goMode.device + goMode.charDevice, devmajor: 1n, devminor: 3n } }],
    ],
  ])('%s', async (_, code, files) => {
    const { peer, failures } = start();
    const { status, error } = await sendAsDaemon(peer, [...files]);
    expect(failures).toMatchObject([{ code }]);
    expect(status.code).not.toBe(0);
    expect(error).toBeDefined();
    expect(readdirSync(base)).toEqual([]);
  });

  test.each([
    ['content that was not asked for', { type: packetType.data, ID: 5, data: Buffer.from('x') }],
    ['an end before everything was there', { type: packetType.fin }],
    ['a request', { type: packetType.request, ID: 0 }],
    ['a kind of packet that does not exist', { type: 17 }],
  ])('%s', async (_, packet) => {
    const { peer, failures } = start();
    const call = peer.call(filesync.FileSend.methods.DiffCopy.path);
    call.send(bytes({ type: packetType.stat, stat: { path: 'a', mode: 0o644, size: 10n } }));
    call.send(bytes(packet));
    expect((await call.status).code).toBe(3);
    expect(failures).toMatchObject([{ code: invalid }]);
    expect(readdirSync(base)).toEqual([]);
  });

  test('a message over the limit', async () => {
    const { peer } = start();
    const call = peer.call(filesync.FileSend.methods.DiffCopy.path);
    const header = Buffer.alloc(5);
    header.writeUInt32BE(2 ** 31, 1);
    call.sendRaw(header);
    expect((await call.status).code).toBe(8);
    expect(readdirSync(base)).toEqual([]);
  });

  test.each([
    ['files without end', { maxEntries: 100 }, (i: number) => file(`file-${i}`, '')],
    [
      'bytes without end',
      { maxBytes: 1_000_000 },
      (i: number) => ({ stat: { path: `file-${i}`, mode: 0o644, size: 1_000_000 } }),
    ],
  ])('%s', async (_, limits, make) => {
    const [ours, theirs] = duplexPair();
    const failures: unknown[] = [];
    const path = filesync.FileSend.methods.DiffCopy.path;
    const served = serveSession(
      duplexTransport(ours),
      new Map([[path, (call) => receiveTree(call, out, limits)]]),
      (error) => failures.push(error),
    );
    const peer = fakePeer(theirs);
    const call = peer.call(path);
    for (let i = 1000; i < 9000; i++) call.send(bytes({ type: packetType.stat, stat: make(i).stat }));
    expect((await call.status).code).toBe(8);
    expect(failures).toMatchObject([{ code: 'SESSION_LIMIT_EXCEEDED' }]);
    expect(readdirSync(base)).toEqual([]);
    peer.close();
    served.close();
  });

  test('bytes that are no packet', async () => {
    const { peer, failures } = start();
    const call = peer.call(filesync.FileSend.methods.DiffCopy.path);
    call.send(Buffer.from([0x12, 0x7f, 0x01]));
    expect((await call.status).code).toBe(3);
    expect(failures).toMatchObject([{ code: invalid }]);
  });

  test('a list that was cut off', async () => {
    const { peer } = start();
    const call = peer.call(filesync.FileSend.methods.DiffCopy.path);
    call.send(bytes({ type: packetType.stat, stat: { path: 'a', mode: 0o644, size: 10n } }));
    call.end();
    expect((await call.status).code).toBe(1);
    expect(readdirSync(base)).toEqual([]);
  });

  test('an export that was not asked for', async () => {
    for (const id of ['1', '-1', 'x', '99999999999']) {
      const { peer } = start();
      const call = peer.call(filesync.FileSend.methods.DiffCopy.path, {
        'buildkit-attachable-exporter-id': id,
      });
      expect((await call.status).code).toBe(5);
      await session?.close();
    }
  });
});

describe('a stream of bytes', () => {
  const message = (data: Uint8Array): Uint8Array => encode(filesync.BytesMessage, { data });

  test('goes into a file that appears when it is whole', async () => {
    const path = join(base, 'deep/image.tar');
    session = testSession({ exports: [undefined, { kind: 'file', path }] });
    const call = session.peer.call(filesync.FileSend.methods.DiffCopy.path, {
      'buildkit-attachable-exporter-id': '1',
    });
    const data = Buffer.alloc(1_500_000, 'tar');
    for (let at = 0; at < data.length; at += 32_000) call.send(message(data.subarray(at, at + 32_000)));
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    expect(existsSync(path)).toBe(false);
    call.end();
    expect((await call.status).code).toBe(0);
    expect(readFileSync(path).equals(data)).toBe(true);
    expect(readdirSync(join(base, 'deep'))).toEqual(['image.tar']);
  });

  test('leaves nothing when it breaks off', async () => {
    const path = join(base, 'image.tar');
    session = testSession({ exports: [{ kind: 'file', path }] });
    const call = session.peer.call(filesync.FileSend.methods.DiffCopy.path);
    call.send(message(Buffer.alloc(1_000_000)));
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    call.cancel();
    await expect.poll(() => readdirSync(base)).toEqual([]);
    expect(session.failures).toEqual([]);
  });

  test('is refused when it is not made of bytes messages', async () => {
    session = testSession({ exports: [{ kind: 'file', path: join(base, 'x') }] });
    const call = session.peer.call(filesync.FileSend.methods.DiffCopy.path);
    call.send(Buffer.from([0x12, 0x01, 0x00]));
    expect((await call.status).code).toBe(3);
  });

  test('is handed to the caller with its metadata, no faster than the caller takes it', async () => {
    const written: number[] = [];
    let release: (() => void) | undefined;
    let metadata: Readonly<Record<string, string>> | undefined;
    const sink: ExportSink = {
      write: async (piece) => {
        written.push(piece.length);
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      },
      end: () => Promise.resolve(),
      abort: () => {},
    };
    session = testSession(
      { exports: [{ kind: 'stream' }] },
      {
        openExport: (_index, given) => {
          metadata = given;
          return sink;
        },
      },
    );
    const call = session.peer.call(filesync.FileSend.methods.DiffCopy.path, { 'exporter-md-name': 'x' });
    for (let i = 0; i < 100; i++) call.send(message(Buffer.alloc(1 << 20)));
    call.end();
    await expect.poll(() => written.length).toBe(1);
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
    expect(written).toHaveLength(1);
    const ticker = setInterval(() => release?.(), 0);
    expect((await call.status).code).toBe(0);
    clearInterval(ticker);
    expect(written.reduce((a, b) => a + b, 0)).toBe(100 << 20);
    expect(metadata).toEqual({ name: 'x' });
  });
});
