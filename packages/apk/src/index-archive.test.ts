import { execFileSync } from 'node:child_process';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  createKeyPair,
  parseIndex,
  parseKeyring,
  parseSigningKey,
  readIndex,
  signIndex,
  tarHeader,
  writeIndex,
  writeTar,
} from './index.ts';

const pair = await createKeyPair(2048);
const key = parseSigningKey(pair.privatePem, { file: 'repo.rsa' });
const keyring = parseKeyring([{ name: 'repo.rsa.pub', pem: pair.publicPem }]);
const records =
  parseIndex('C:Q1aaa=\nP:a\nV:1-r0\nT:first\n\nC:Q1bbb=\nP:b\nV:2-r0\nT:\n\n', 'x').value ?? [];
const signed = await writeIndex(records, { description: 'v1', key });
const unsigned = await writeIndex(records, { description: 'v1' });

async function archive(files: Readonly<Record<string, string>>, end: boolean = true): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  const entries = Object.entries(files).map(([name, text]) => {
    const content = Buffer.from(text);
    return { header: tarHeader({ name, size: content.length }), content };
  });
  for await (const part of writeTar(entries, { end })) parts.push(part);
  return gzipSync(Buffer.concat(parts));
}

test('a signed index is read with its records, description and the key that vouches for it', async () => {
  const index = await readIndex(signed, { file: 'APKINDEX.tar.gz', keyring });
  expect(index).toEqual({
    records,
    description: 'v1',
    signatures: index.signatures,
    verifiedBy: 'repo.rsa.pub',
    diagnostics: [],
  });
  expect(index.signatures.map((s) => [s.algorithm, s.keyName])).toEqual([['RSA256', 'repo.rsa.pub']]);
});

test('equal records give equal bytes, and tar lists them as one archive', async () => {
  expect(Buffer.from(await writeIndex(records, { description: 'v1', key })).equals(signed)).toBe(true);
  const listed = execFileSync('tar', ['-tzf', '-'], { input: signed }).toString().trim().split('\n');
  expect(listed).toEqual(['.SIGN.RSA256.repo.rsa.pub', 'APKINDEX', 'DESCRIPTION']);
});

test('signing again takes the place of the old signature', async () => {
  const once = await signIndex(unsigned, key, { file: 'x' });
  const twice = await signIndex(once, key, { file: 'x' });
  expect(Buffer.from(once).equals(signed)).toBe(true);
  expect(Buffer.from(twice).equals(signed)).toBe(true);
});

describe('an index that cannot be trusted is refused', () => {
  const refused = (bytes: Uint8Array, ring: typeof keyring = keyring): Promise<unknown> =>
    readIndex(bytes, { file: 'APKINDEX.tar.gz', keyring: ring }).then(
      () => 'accepted',
      (error: unknown) => (error as { code?: string }).code,
    );

  test('without a signature, with one by a key that is not known, with one over something else', async () => {
    expect(await refused(unsigned)).toBe('SIGNATURE_MISSING');
    expect(await refused(signed, new Map())).toBe('SIGNATURE_KEY_UNKNOWN');
    const other = await writeIndex(records.slice(1));
    const head = signed.subarray(0, signed.length - unsigned.length);
    expect(await refused(Buffer.concat([head, other]))).toBe('SIGNATURE_INVALID');
  });

  test('with a signature among what it signs', async () => {
    const inside = await archive({ APKINDEX: 'P:a\nV:1\n\n', '.SIGN.RSA256.repo.rsa.pub': 'x' });
    expect(await refused(inside)).toBe('INDEX_INVALID');
    const before = await archive({ '.SIGN.RSA256.repo.rsa.pub': 'x', APKINDEX: 'P:a\nV:1\n\n' });
    expect(await refused(before)).toBe('INDEX_INVALID');
  });

  test('with other files, without records, of another format, damaged', async () => {
    expect(await refused(await archive({ APKINDEX: '', passwd: '' }))).toBe('INDEX_INVALID');
    expect(await refused(await archive({ DESCRIPTION: '' }))).toBe('INDEX_INVALID');
    expect(await refused(Buffer.from('ADBd....'))).toBe('INDEX_INVALID');
    expect(await refused(signed.subarray(0, -40))).toBe('GZIP_INVALID');
  });
});

test('a broken line is told with its number', async () => {
  const bytes = await archive({ APKINDEX: 'P:a\nV:1\nS:many\n\n' });
  await expect(readIndex(bytes, { file: 'X' })).rejects.toThrow('Line 3 of the index X');
  expect(gunzipSync(bytes).length % 512).toBe(0);
});
