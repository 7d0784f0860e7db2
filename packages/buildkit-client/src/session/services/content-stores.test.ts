import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { content, decode, encode, type Init } from '@melange2/proto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { testSession, type PeerCall, type TestSession } from '../testing/fake-peer.ts';

const { methods } = content.Content;
const { WriteAction } = content;
const store = (id: string): Record<string, string> => ({ 'buildkit-attachable-store-id': id });
const digestOf = (data: Uint8Array): string => `sha256:${createHash('sha256').update(data).digest('hex')}`;

let dir: string;
let session: TestSession;

const inFile = Buffer.alloc(2_500_000, 'in a file');
const inMemory = Buffer.from('in memory');

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'content-'));
  writeFileSync(join(dir, 'package'), Buffer.concat([Buffer.from('control'), inFile, Buffer.from('rest')]));
  session = testSession({
    contentStores: {
      'oci:base': {
        kind: 'blobs',
        blobs: new Map([
          [
            digestOf(inFile),
            { kind: 'file', path: join(dir, 'package'), offset: 7, sizeBytes: inFile.length },
          ],
          [digestOf(inMemory), { kind: 'bytes', bytes: inMemory }],
          [`sha256:${'0'.repeat(64)}`, { kind: 'file', path: join(dir, 'none'), sizeBytes: 1 }],
        ]),
      },
      'local:cache': { kind: 'dir', dir: join(dir, 'cache'), writable: true },
      'local:readonly': { kind: 'dir', dir: join(dir, 'cache') },
    },
  });
});

afterEach(async () => {
  await session.close();
  rmSync(dir, { recursive: true, force: true });
});

async function read(
  id: string,
  request: Init<content.ReadContentRequest>,
): Promise<{ data: Buffer; code: number; largest: number }> {
  const call = session.peer.call(methods.Read.path, store(id));
  call.send(encode(content.ReadContentRequest, request));
  call.end();
  const parts: Uint8Array[] = [];
  let expected = Number(request.offset ?? 0);
  for (;;) {
    const message = await call.next();
    if (message === undefined) break;
    const { offset, data } = decode(content.ReadContentResponse, message);
    expect(Number(offset)).toBe(expected);
    expected += data.length;
    parts.push(data);
  }
  return {
    data: Buffer.concat(parts),
    code: (await call.status).code,
    largest: Math.max(0, ...parts.map((p) => p.length)),
  };
}

describe('reading', () => {
  test('says how large a blob is', async () => {
    const { info } = await session.peer.unary(methods.Info, { digest: digestOf(inFile) }, store('oci:base'));
    expect(info).toMatchObject({ digest: digestOf(inFile), size: BigInt(inFile.length) });
  });

  test('returns blobs out of files and memory, whole and in ranges, in messages that every daemon takes', async () => {
    const whole = await read('oci:base', { digest: digestOf(inFile) });
    expect(whole.data.equals(inFile)).toBe(true);
    expect(whole.largest).toBeLessThanOrEqual(1 << 20);
    const range = await read('oci:base', { digest: digestOf(inFile), offset: 1_000_000, size: 5 });
    expect(range.data.equals(inFile.subarray(1_000_000, 1_000_005))).toBe(true);
    expect((await read('oci:base', { digest: digestOf(inMemory), offset: 3 })).data.toString()).toBe(
      'memory',
    );
    expect((await read('oci:base', { digest: digestOf(inMemory), offset: 9 })).data.length).toBe(0);
  });

  test.each([
    ['a blob that is not there', 'oci:base', { digest: `sha256:${'1'.repeat(64)}` }, 5],
    ['a store that is not there', 'oci:other', { digest: digestOf(inMemory) }, 5],
    ['a range behind the end', 'oci:base', { digest: digestOf(inMemory), offset: 100 }, 11],
    ['a digest that is a path', 'local:cache', { digest: 'sha256:../../package' }, 3],
  ])('refuses %s', async (_, id, request, code) => {
    expect((await read(id, request)).code).toBe(code);
  });
});

describe('writing', () => {
  const ask = async (
    call: PeerCall,
    request: Init<content.WriteContentRequest>,
  ): Promise<content.WriteContentResponse | undefined> => {
    call.send(encode(content.WriteContentRequest, request));
    const message = await call.next();
    return message === undefined ? undefined : decode(content.WriteContentResponse, message);
  };
  const data = Buffer.from('a layer of the cache');

  test('stores a blob under its digest when it is whole', async () => {
    const call = session.peer.call(methods.Write.path, store('local:cache'));
    expect(
      await ask(call, { action: WriteAction.STAT, ref: 'r', total: data.length, expected: digestOf(data) }),
    ).toMatchObject({ offset: 0n });
    expect(await ask(call, { action: WriteAction.WRITE, ref: 'r', data: data.subarray(0, 5) })).toMatchObject(
      { offset: 5n },
    );
    expect(
      await ask(call, { action: WriteAction.WRITE, ref: 'r', offset: 5, data: data.subarray(5) }),
    ).toMatchObject({ offset: 20n });
    const status = await session.peer.unary(methods.Status, { ref: 'r' }, store('local:cache'));
    expect(status.status).toMatchObject({ ref: 'r', offset: 20n, total: 20n });
    expect(
      await ask(call, {
        action: WriteAction.COMMIT,
        ref: 'r',
        offset: 20,
        total: 20,
        expected: digestOf(data),
      }),
    ).toMatchObject({
      offset: 20n,
      digest: digestOf(data),
    });
    expect((await call.status).code).toBe(0);
    expect(readFileSync(join(dir, 'cache/blobs/sha256', digestOf(data).slice(7))).equals(data)).toBe(true);
    expect(readdirSync(join(dir, 'cache'))).toEqual(['blobs']);
    expect((await read('local:readonly', { digest: digestOf(data) })).data.equals(data)).toBe(true);
  });

  test('can go on after the call was lost', async () => {
    const first = session.peer.call(methods.Write.path, store('local:cache'));
    await ask(first, { action: WriteAction.WRITE, ref: 'r', data: data.subarray(0, 5) });
    first.end();
    await first.status;
    const second = session.peer.call(methods.Write.path, store('local:cache'));
    expect(await ask(second, { action: WriteAction.STAT, ref: 'r' })).toMatchObject({ offset: 5n });
    expect(
      await ask(second, { action: WriteAction.COMMIT, ref: 'r', offset: 5, data: data.subarray(5) }),
    ).toMatchObject({ digest: digestOf(data) });
  });

  test('of a blob that is there is not done again', async () => {
    mkdirSync(join(dir, 'cache/blobs/sha256'), { recursive: true });
    writeFileSync(join(dir, 'cache/blobs/sha256', digestOf(data).slice(7)), data);
    const call = session.peer.call(methods.Write.path, store('local:cache'));
    await ask(call, { action: WriteAction.STAT, ref: 'r', expected: digestOf(data) });
    expect((await call.status).code).toBe(6);
  });

  test('is given up with nothing left', async () => {
    const call = session.peer.call(methods.Write.path, store('local:cache'));
    await ask(call, { action: WriteAction.WRITE, ref: 'r', data });
    await session.peer.unary(methods.Abort, { ref: 'r' }, store('local:cache'));
    expect(readdirSync(join(dir, 'cache'))).toEqual([]);
  });

  test('of content with another digest is refused, and leaves nothing', async () => {
    const call = session.peer.call(methods.Write.path, store('local:cache'));
    await ask(call, { action: WriteAction.WRITE, ref: 'r', data });
    await ask(call, {
      action: WriteAction.COMMIT,
      ref: 'r',
      offset: data.length,
      expected: digestOf(inMemory),
    });
    expect((await call.status).code).toBe(9);
    expect(session.failures).toMatchObject([
      { code: 'SESSION_DIGEST_MISMATCH', details: { actual: digestOf(data) } },
    ]);
    expect(readdirSync(join(dir, 'cache'))).toEqual([]);
  });

  test.each([
    ['into a store that is read only', 'local:readonly', { ref: 'r', action: WriteAction.STAT }, 7],
    ['without a reference', 'local:cache', { action: WriteAction.STAT }, 3],
    [
      'at a place that is not the end',
      'local:cache',
      { ref: 'r', action: WriteAction.WRITE, offset: 7, data },
      11,
    ],
    [
      'under a digest that is a path',
      'local:cache',
      { ref: 'r', action: WriteAction.STAT, expected: 'sha256:../../x' },
      3,
    ],
  ])('is refused %s', async (_, id, request, code) => {
    const call = session.peer.call(methods.Write.path, store(id));
    call.send(encode(content.WriteContentRequest, request));
    expect((await call.status).code).toBe(code);
  });

  test('what was not committed is gone after the session', async () => {
    const call = session.peer.call(methods.Write.path, store('local:cache'));
    await ask(call, { action: WriteAction.WRITE, ref: 'r', data });
    await session.close();
    expect(readdirSync(join(dir, 'cache'))).toEqual([]);
  });
});
