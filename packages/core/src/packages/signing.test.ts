import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  openPackage,
  packageInfo,
  packageTree,
  bytesSource,
  parseKeyring,
  readIndex,
  writePackage,
} from '@melange2/apk';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { indexPackages } from './index-packages.ts';
import { readSigningKey, signIndexFile, signPackages, writeKeyPair } from './signing.ts';
import { writeAside } from '../write-aside.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'melange2-signing-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function writeSamplePackage(path: string, arch = 'x86_64'): Promise<void> {
  const info = packageInfo({ name: 'sample', version: '1.0-r0', arch });
  const written = await writePackage({ info, tree: packageTree([]), sourceDateEpoch: 0 });
  const chunks: Uint8Array[] = [];
  for await (const chunk of written.read()) chunks.push(chunk);
  writeFileSync(path, Buffer.concat(chunks));
}

async function verifiedBy(path: string, publicKey: string): Promise<string | undefined> {
  const keyring = parseKeyring([{ name: 'a.rsa.pub', pem: readFileSync(publicKey, 'utf8') }]);
  return (await openPackage(bytesSource(readFileSync(path)), { file: path, keyring })).verifiedBy;
}

test('a package is signed in place, and again with the same bytes; the index of it is signed too', async () => {
  const apk = join(folder, 'sample-1.0-r0.apk');
  await writeSamplePackage(apk);
  await writeKeyPair(join(folder, 'a.rsa'), 2048);
  const key = await readSigningKey(join(folder, 'a.rsa'), {});
  await signPackages([apk], key, () => {});
  const once = readFileSync(apk);
  await signPackages([apk], key, () => {});
  expect(readFileSync(apk).equals(once)).toBe(true);
  expect(await verifiedBy(apk, join(folder, 'a.rsa.pub'))).toBe('a.rsa.pub');

  const output = join(folder, 'APKINDEX.tar.gz');
  expect(await indexPackages({ packages: [apk], output })).toEqual({ records: 1, skipped: [] });
  expect(await signIndexFile(output, key, false)).toBe(true);
  expect(await signIndexFile(output, key, false)).toBe(false);
  const index = await readIndex(readFileSync(output), { file: output });
  expect(index.records.map((r) => [r.name, r.version])).toEqual([['sample', '1.0-r0']]);
});

test('an index keeps what it is merged from, and leaves other architectures out', async () => {
  const [one, other] = [join(folder, 'one.apk'), join(folder, 'other.apk')];
  await writeSamplePackage(one);
  await writeSamplePackage(other, 'aarch64');
  const output = join(folder, 'APKINDEX.tar.gz');
  const request = { packages: [one, other], output, mergeFrom: output, architecture: 'x86_64' };
  expect(await indexPackages(request)).toEqual({ records: 1, skipped: [other] });
  expect(await indexPackages({ ...request, packages: [] })).toEqual({ records: 1, skipped: [] });
});

test('a private key is readable for its owner only, and never overwritten', async () => {
  const file = join(folder, 'a.rsa');
  await writeKeyPair(file, 2048);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const before = readFileSync(file, 'utf8');
  await expect(writeKeyPair(file, 2048)).rejects.toMatchObject({ code: 'KEY_EXISTS' });
  expect(readFileSync(file, 'utf8')).toBe(before);
});

test('a file written aside appears whole or not at all', async () => {
  const path = join(folder, 'x');
  writeFileSync(path, 'old');
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('new');
    throw new Error('reset');
  }
  await expect(writeAside(path, broken())).rejects.toThrow('reset');
  expect(readFileSync(path, 'utf8')).toBe('old');
  expect(readdirSync(folder)).toEqual(['x']);
});
