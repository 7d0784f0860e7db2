import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesync } from '@melange2/proto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LocalDir, VirtualTree } from '../../session-contract.ts';
import { timeOfBytes } from '../fsutil/content-time.ts';
import { packetType, readPacket } from '../fsutil/packet.ts';
import { testSession, type TestSession } from '../testing/fake-peer.ts';
import { bytes, receiveAsDaemon, type ReceivedTree } from '../testing/fake-sync.ts';

let dir: string;
let session: TestSession | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'local-dirs-'));
});

afterEach(async () => {
  await session?.close();
  session = undefined;
  rmSync(dir, { recursive: true, force: true });
});

function write(path: string, content: string | Uint8Array): void {
  mkdirSync(join(dir, path, '..'), { recursive: true });
  writeFileSync(join(dir, path), content);
}

async function receive(
  local: Partial<LocalDir> | VirtualTree = {},
  metadata: Readonly<Record<string, string | readonly string[]>> = {},
  cacheDir?: string,
): Promise<ReceivedTree> {
  session = testSession({
    localDirs: { src: 'files' in local ? local : { path: dir, ...local } },
    cacheDir,
  });
  const tree = await receiveAsDaemon(session.peer, { 'dir-name': 'src', ...metadata });
  await session.close();
  return tree;
}

const paths = (tree: ReceivedTree): string[] => tree.stats.map((stat) => stat.path);
const timeOf = (tree: ReceivedTree, path: string): bigint =>
  tree.stats.find((stat) => stat.path === path)!.modTime;

describe('a folder is sent', () => {
  test('in the order of the protocol: by bytes, a folder before what is in it', async () => {
    for (const path of ['a.txt', 'a/x', 'a-b', 'B', 'ä', '😀', '～']) write(path, path);
    const tree = await receive();
    expect(paths(tree)).toEqual(['B', 'a', 'a/x', 'a-b', 'a.txt', 'ä', '～', '😀']);
    expect(tree.contents.get('😀')?.toString()).toBe('😀');
    expect(tree.status.code).toBe(0);
  });

  test('with modes as Go writes them, links, and root as the owner', async () => {
    write('setuid', 'x');
    chmodSync(join(dir, 'setuid'), 0o4755);
    mkdirSync(join(dir, 'tmp'));
    chmodSync(join(dir, 'tmp'), 0o1777);
    symlinkSync('../else/where', join(dir, 'link'));
    linkSync(join(dir, 'setuid'), join(dir, 'zweit'));
    const tree = await receive();
    expect(
      tree.stats.map(({ path, mode, uid, gid, size, linkname }) => [path, mode, uid, gid, size, linkname]),
    ).toEqual([
      ['link', 0o777 + 2 ** 27, 0, 0, 13n, '../else/where'],
      ['setuid', 0o755 + 2 ** 23, 0, 0, 1n, ''],
      ['tmp', 0o777 + 2 ** 31 + 2 ** 20, 0, 0, 0n, ''],
      ['zweit', 0o755 + 2 ** 23, 0, 0, 1n, 'setuid'],
    ]);
    expect(timeOf(tree, 'zweit')).toBe(timeOf(tree, 'setuid'));
  });

  test('with large, small and empty files whole', async () => {
    const large = Buffer.alloc(3 * (1 << 20) + 17, 'large');
    write('large', large);
    write('empty', '');
    for (let i = 0; i < 300; i++) write(`many/${i}`, `content ${i}`);
    write('medium', Buffer.alloc(300_000, 'm'));
    const tree = await receive();
    expect(tree.contents.get('large')!.equals(large)).toBe(true);
    expect(tree.contents.get('empty')!.length).toBe(0);
    expect(tree.contents.get('many/299')!.toString()).toBe('content 299');
    expect(tree.contents.get('medium')!.length).toBe(300_000);
    expect(tree.contents.size).toBe(303);
  });

  test('with many small files, which another thread reads ahead, whole and with the times of their contents', async () => {
    const contentOf = (i: number): Buffer => Buffer.alloc(20_000 + i, `content ${i}`);
    // 32 MB: more than is held at any time.
    for (let i = 0; i < 1500; i++) write(`many/${i}`, contentOf(i));
    const first = readdirSync(join(dir, 'many')).toSorted()[0]!;
    linkSync(join(dir, 'many', first), join(dir, 'zweit'));
    const wrong: string[] = [];
    for (const cacheDir of [undefined, `${dir}-cache`, `${dir}-cache`]) {
      const tree = await receive({}, {}, cacheDir);
      expect([tree.status.code, tree.contents.size]).toEqual([0, 1500]);
      expect(timeOf(tree, 'zweit')).toBe(timeOf(tree, `many/${first}`));
      for (const { path, modTime, size } of tree.stats) {
        if (!path.startsWith('many/')) continue;
        const content = contentOf(Number(path.slice('many/'.length)));
        const same = tree.contents.get(path)?.equals(content) === true && Number(size) === content.length;
        if (!same || modTime !== timeOfBytes(content)) wrong.push(path);
      }
    }
    rmSync(`${dir}-cache`, { recursive: true, force: true });
    expect(wrong).toEqual([]);
  });

  test('with only what its own patterns and those of the daemon select, and the folders on the way', async () => {
    for (const path of ['a/b/c.go', 'a/b/c.txt', 'a/d.go', 'vendor/e.go', 'f.go', 'secret.go'])
      write(path, path);
    const tree = await receive(
      { exclude: ['/secret.go'] },
      { 'include-patterns': ['**/*.go'], 'exclude-patterns': ['vendor'] },
    );
    expect(paths(tree)).toEqual(['a', 'a/b', 'a/b/c.go', 'a/d.go', 'f.go']);
  });

  test('with what symlinks on the followed paths lead to', async () => {
    write('real/deep/file', 'x');
    write('real/other', 'y');
    write('unused', 'z');
    symlinkSync('real', join(dir, 'link'));
    symlinkSync('/real/other', join(dir, 'absolute'));
    const tree = await receive({}, { followpaths: ['link/deep', 'abs*'] });
    expect(paths(tree)).toEqual(['absolute', 'link', 'real', 'real/deep', 'real/deep/file', 'real/other']);
  });

  test('with many patterns, non-ASCII ones encoded', async () => {
    write('ä b', 'x');
    const patterns = Array.from({ length: 600 }, (_, i) => `none-${i}-${'x'.repeat(40)}`);
    const tree = await receive(
      {},
      {
        'include-patterns': [...patterns, 'ä b'].map((p) => encodeURIComponent(p).replaceAll('%20', '+')),
        'include-patterns-encoded': '1',
      },
    );
    expect(tree.status).toEqual({ code: 0, message: '' });
    expect(paths(tree)).toEqual(['ä b']);
  });
});

describe('times', () => {
  test('are the same for the same content, and others for another', async () => {
    write('a', 'same');
    write('b', 'same');
    write('c', 'other');
    write('large1', Buffer.alloc(2 << 20, 1));
    write('large2', Buffer.alloc(2 << 20, 1));
    utimesSync(join(dir, 'a'), 1, 1);
    const tree = await receive();
    expect(timeOf(tree, 'a')).toBe(timeOf(tree, 'b'));
    expect(timeOf(tree, 'a')).not.toBe(timeOf(tree, 'c'));
    expect(timeOf(tree, 'large1')).toBe(timeOf(tree, 'large2'));
    for (const { modTime } of tree.stats) expect(modTime < 2n ** 31n * 1_000_000_000n).toBe(true);
  });

  test('change when the content does, though size and time stay', async () => {
    write('a', 'one');
    utimesSync(join(dir, 'a'), 1000, 1000);
    const cacheDir = join(dir, '../', `${dir.split('/').at(-1)!}-cache`);
    try {
      const before = timeOf(await receive({}, {}, cacheDir), 'a');
      write('a', 'two');
      utimesSync(join(dir, 'a'), 1000, 1000);
      expect(timeOf(await receive({}, {}, cacheDir), 'a')).not.toBe(before);
    } finally {
      rmSync(cacheDir, { recursive: true, force: true });
    }
  });

  test('of a tree that lies still are remembered', async () => {
    const cacheDir = mkdtempSync(join(tmpdir(), 'times-'));
    try {
      write('a', 'one');
      write('dir/b', 'two');
      // What was written just now may still change unseen, and is not remembered.
      const realNow = Date.now;
      Date.now = () => realNow() + 10_000;
      try {
        const first = await receive({}, {}, cacheDir);
        expect(readdirSync(join(cacheDir, 'content-times'))).toHaveLength(1);
        const second = await receive({}, {}, cacheDir);
        expect(second.stats).toEqual(first.stats);
      } finally {
        Date.now = realNow;
      }
    } finally {
      rmSync(cacheDir, { recursive: true, force: true });
    }
  });

  test('can be kept, to the nanosecond', async () => {
    write('a', 'x');
    utimesSync(join(dir, 'a'), 1_234_567_890.123456, 1_234_567_890.123456);
    const time = timeOf(await receive({ times: 'keep' }), 'a');
    expect(time / 1000n).toBe(1_234_567_890_123_456n);
  });
});

test('a small file is sent as it was when its time was made, though it changes', async () => {
  write('a', 'before');
  session = testSession({ localDirs: { src: { path: dir } } });
  const tree = await receiveAsDaemon(session.peer, { 'dir-name': 'src' }, () => {
    write('a', 'after!');
    return true;
  });
  expect(tree.contents.get('a')?.toString()).toBe('before');
});

test('files that are appended to meanwhile, such as logs, are sent as they were listed', async () => {
  const large = Buffer.alloc(3 << 20, 'log');
  write('large.log', large);
  write('small.log', 'line 1');
  session = testSession({ localDirs: { src: { path: dir } } });
  const tree = await receiveAsDaemon(session.peer, { 'dir-name': 'src' }, (stat) => {
    appendFileSync(join(dir, stat.path), 'more');
    return true;
  });
  expect(tree.status.code).toBe(0);
  expect(tree.contents.get('large.log')?.equals(large)).toBe(true);
  expect(tree.contents.get('small.log')?.toString()).toBe('line 1');
});

describe('a daemon', () => {
  test('that has everything is sent only the list', async () => {
    write('a', 'x');
    session = testSession({ localDirs: { src: { path: dir } } });
    const tree = await receiveAsDaemon(session.peer, { 'dir-name': 'src' }, () => false);
    expect(tree.contents.size).toBe(0);
    expect(tree.status.code).toBe(0);
  });

  test('that asks for a folder that is not offered is refused', async () => {
    session = testSession({ localDirs: { src: { path: dir } } });
    const tree = await receiveAsDaemon(session.peer, { 'dir-name': '__proto__' });
    expect(tree.status).toEqual({ code: 5, message: 'no access allowed to dir "__proto__"' });
  });

  test.each([
    ['a number out of the list', { type: packetType.request, ID: 99 }],
    ['the content of a folder', { type: packetType.request, ID: 0 }],
    ['nothing and sends data', { type: packetType.data, ID: 1 }],
    ['nothing and sends a file', { type: packetType.stat, stat: { path: 'x' } }],
  ])('that asks for %s is refused', async (_, packet) => {
    write('folder/file', 'x');
    session = testSession({ localDirs: { src: { path: dir } } });
    const call = session.peer.call(filesync.FileSync.methods.DiffCopy.path, { 'dir-name': 'src' });
    while (readPacket((await call.next()) ?? Buffer.alloc(0)).stat !== undefined);
    call.send(bytes(packet));
    expect((await call.status).code).toBe(3);
    expect(session.failures).toMatchObject([{ code: 'SESSION_PEER_INVALID' }]);
  });

  test('that goes away in the middle leaves nothing running', async () => {
    write('large', Buffer.alloc(8 << 20));
    session = testSession({ localDirs: { src: { path: dir } } });
    const call = session.peer.call(filesync.FileSync.methods.DiffCopy.path, { 'dir-name': 'src' });
    while (readPacket((await call.next()) ?? Buffer.alloc(0)).stat !== undefined);
    call.send(bytes({ type: packetType.request, ID: 0 }));
    await call.next();
    call.cancel();
    expect((await call.status).code).toBe(-1);
    expect(session.failures).toEqual([]);
  });
});

describe('a file that cannot be sent as it was listed ends the transfer:', () => {
  test('it changed meanwhile', async () => {
    write('a', Buffer.alloc(400_000, 1));
    write('b', 'small');
    for (const path of ['a', 'b']) {
      session = testSession({ localDirs: { src: { path: dir, times: 'keep' } } });
      const tree = await receiveAsDaemon(session.peer, { 'dir-name': 'src' }, (stat) => {
        if (stat.path === path) truncateSync(join(dir, path), 1);
        return stat.path === path;
      });
      expect(tree.status.code).toBe(2);
      expect(tree.error).toContain(`${path} changed while it was sent`);
      expect(session.failures).toMatchObject([
        { code: 'SESSION_FILE_CHANGED', details: { path: join(dir, path) } },
      ]);
      await session.close();
    }
  });

  test('another content of the same size took its place', async () => {
    write('large', Buffer.alloc(3 << 20, 1));
    session = testSession({ localDirs: { src: { path: dir } } });
    const tree = await receiveAsDaemon(session.peer, { 'dir-name': 'src' }, () => {
      write('large', Buffer.alloc(3 << 20, 2));
      return true;
    });
    expect(tree.error).toContain('changed while it was sent');
    expect(session.failures).toMatchObject([{ code: 'SESSION_FILE_CHANGED' }]);
  });

  test('it went away after it was listed', async () => {
    write('large', Buffer.alloc(3 << 20, 1));
    session = testSession({ localDirs: { src: { path: dir } } });
    const tree = await receiveAsDaemon(session.peer, { 'dir-name': 'src' }, () => {
      rmSync(join(dir, 'large'));
      return true;
    });
    expect(tree.error).toContain('large cannot be read: it does not exist');
    expect(session.failures).toMatchObject([{ code: 'SESSION_FILE_UNREADABLE' }]);
  });

  test('the folder is not there', async () => {
    session = testSession({ localDirs: { src: { path: join(dir, 'none') } } });
    const tree = await receiveAsDaemon(session.peer, { 'dir-name': 'src' });
    expect(tree.status.code).toBe(5);
    expect(session.failures).toMatchObject([{ code: 'SESSION_DIR_MISSING' }]);
  });

  test('its name is not UTF-8', async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0x66, 0xff])]), 'x');
    const tree = await receive();
    expect(tree.error).toContain('not UTF-8');
    expect(session?.failures).toMatchObject([{ code: 'SESSION_NAME_INVALID' }]);
  });
});

describe('a virtual tree', () => {
  test('is sent with the folders it implies, from memory and from ranges of files', async () => {
    write('archive', '0123456789');
    const tree = await receive({
      files: [
        {
          kind: 'file',
          path: 'z/part',
          content: { kind: 'file', path: join(dir, 'archive'), offset: 3, sizeBytes: 4 },
        },
        {
          kind: 'file',
          path: 'z.txt',
          content: { kind: 'bytes', bytes: Buffer.from('in memory') },
          mode: 0o4711,
          uid: 7,
        },
        { kind: 'symlink', path: 'link', target: 'z/part' },
        { kind: 'hardlink', path: 'z/part2', target: 'z/part' },
        {
          kind: 'dir',
          path: 'empty',
          mode: 0o700,
          xattrs: new Map([
            ['user.b', Buffer.from('2')],
            ['user.a', Buffer.from('1')],
          ]),
        },
      ],
    });
    expect(paths(tree)).toEqual(['empty', 'link', 'z', 'z/part', 'z/part2', 'z.txt']);
    expect(tree.contents.get('z/part')?.toString()).toBe('3456');
    expect(tree.contents.get('z.txt')?.toString()).toBe('in memory');
    expect([...tree.stats.at(0)!.xattrs.keys()]).toEqual(['user.a', 'user.b']);
    expect(tree.stats[5]).toMatchObject({ mode: 0o711 + 2 ** 23, uid: 7 });
    expect(timeOf(tree, 'z/part2')).toBe(timeOf(tree, 'z/part'));
  });

  test('can say what stands for its content, which is then not read for the time', async () => {
    const file = (identity: string): VirtualTree => ({
      files: [
        { kind: 'file', path: 'a', identity, content: { kind: 'bytes', bytes: Buffer.from(identity) } },
      ],
    });
    const one = timeOf(await receive(file('sha256:1')), 'a');
    expect(timeOf(await receive(file('sha256:1')), 'a')).toBe(one);
    expect(timeOf(await receive(file('sha256:2')), 'a')).not.toBe(one);
  });

  test('obeys the patterns of the daemon', async () => {
    const files = ['a/x.apk', 'a/y.txt', 'b/z.apk'].map((path) => ({
      kind: 'file' as const,
      path,
      content: { kind: 'bytes' as const, bytes: Buffer.from(path) },
    }));
    expect(
      paths(await receive({ files }, { 'include-patterns': ['**/*.apk'], 'exclude-patterns': ['b'] })),
    ).toEqual(['a', 'a/x.apk']);
  });
});
