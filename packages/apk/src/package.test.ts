import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import {
  bytesSource,
  createKeyPair,
  packageEntries,
  packageInfo,
  packageTree,
  parseKeyring,
  parseSigningKey,
  readPackage,
  signPackage,
  tarHeader,
  writePackage,
  xattrsOf,
} from './index.ts';
import type { PackageTree, TarHeader, TreeEntry, WritePackageOptions } from './index.ts';

const dir = mkdtempSync(join(tmpdir(), 'apk-package-'));
afterAll(() => rmSync(dir, { recursive: true }));

function available(program: string): boolean {
  try {
    execFileSync(program, ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write(`skipped: there is no ${program} on this machine\n`);
    return false;
  }
}

const pair = await createKeyPair(2048);
const key = parseSigningKey(pair.privatePem, { file: '/keys/test.rsa' });
const keyring = parseKeyring([{ name: 'test.rsa.pub', pem: pair.publicPem }]);

async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of source) parts.push(part);
  return Buffer.concat(parts);
}

function file(name: string, text: string, fields: Partial<TarHeader> = {}): TreeEntry {
  const content = Buffer.from(text);
  return { header: tarHeader({ name, size: content.length, ...fields }), content: bytesSource(content) };
}

const capability = Uint8Array.of(1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80);
const tree: PackageTree = packageTree([
  file('usr/bin/tool', '#!/bin/sh\n', { mode: 0o4755, uid: 3, mtime: 99 }),
  { header: tarHeader({ name: 'usr/bin/another', type: 'hardLink', linkName: 'usr/bin/tool' }) },
  file('usr/bin/ping', 'x', { mode: 0o755, pax: [['SCHILY.xattr.security.capability', capability]] }),
  { header: tarHeader({ name: 'usr/bin/ping6', type: 'hardLink', linkName: 'usr/bin/ping' }) },
  { header: tarHeader({ name: 'usr/lib/liba.so', type: 'symlink', mode: 0o777, linkName: 'liba.so.1' }) },
  { header: tarHeader({ name: 'dev/null', type: 'characterDevice', devMajor: 1, devMinor: 3 }) },
  { header: tarHeader({ name: 'var/tmp', type: 'directory', mode: 0o1777, gid: 5 }) },
]);

const options: WritePackageOptions = {
  tree,
  info: packageInfo({ name: 'tool', version: '1.0-r0', arch: 'x86_64', licenses: ['MIT'] }),
  scripts: new Map([
    ['.post-install', '#!/bin/sh\ntrue\n'],
    ['.pre-install', ''],
  ]),
  buildFile: 'package: {}\n',
  sourceDateEpoch: 1_700_000_000,
  key,
};

async function bytesOf(change: Partial<WritePackageOptions> = {}): Promise<Buffer> {
  return collect((await writePackage({ ...options, ...change })).read());
}

const whole = await bytesOf();

test('a tree is in walk order, has every directory, and the first of two names is the file', () => {
  expect(tree.entries.map((e) => [e.header.name, e.header.type, e.header.linkName])).toEqual([
    ['dev', 'directory', ''],
    ['dev/null', 'characterDevice', ''],
    ['usr', 'directory', ''],
    ['usr/bin', 'directory', ''],
    ['usr/bin/another', 'file', ''],
    ['usr/bin/ping', 'file', ''],
    ['usr/bin/ping6', 'file', ''],
    ['usr/bin/tool', 'hardLink', 'usr/bin/another'],
    ['usr/lib', 'directory', ''],
    ['usr/lib/liba.so', 'symlink', 'liba.so.1'],
    ['var', 'directory', ''],
    ['var/tmp', 'directory', ''],
  ]);
  expect(() => packageTree([file('../etc/passwd', '')])).toThrow('cannot contain the path "../etc/passwd"');
  expect(() => packageTree([{ header: tarHeader({ name: 'a', type: 'hardLink', linkName: 'b' }) }])).toThrow(
    'names nothing',
  );
});

test('what is written is what is read, and everything about the files is kept', async () => {
  const pkg = await readPackage(whole, { file: 'tool.apk', keyring });
  expect(pkg.verifiedBy).toBe('test.rsa.pub');
  expect(pkg.info).toMatchObject({
    name: 'tool',
    version: '1.0-r0',
    licenses: ['MIT'],
    installedSize: 28703,
  });
  expect(pkg.controlFiles.map((f) => [f.name, f.mode, f.mtime])).toEqual([
    ['.PKGINFO', 0o644, 1_700_000_000],
    ['.melange.yaml', 0o644, 1_700_000_000],
    ['.post-install', 0o755, 1_700_000_000],
  ]);
  const seen = [];
  for await (const entry of packageEntries(pkg)) {
    seen.push([entry.name, entry.mode.toString(8), entry.uid, entry.gid, entry.mtime, [...xattrsOf(entry)]]);
  }
  expect(seen.filter(([name]) => /tool|another|ping6|tmp/.test(String(name)))).toEqual([
    ['usr/bin/another', '4755', 3, 0, 1_700_000_000, []],
    ['usr/bin/ping6', '755', 0, 0, 1_700_000_000, [['security.capability', capability]]],
    ['usr/bin/tool', '4755', 3, 0, 1_700_000_000, []],
    ['var/tmp', '1777', 0, 5, 1_700_000_000, []],
  ]);
});

test('equal input gives equal bytes, whatever order the tree came in', async () => {
  const shuffled = packageTree(
    tree.entries.toReversed().filter((e) => e.header.type !== 'directory' || e.header.name === 'var/tmp'),
  );
  expect((await bytesOf({ tree: shuffled })).equals(whole)).toBe(true);
});

describe('other programs agree', () => {
  const path = join(dir, 'tool.apk');
  writeFileSync(path, whole);

  test('gzip tests it, tar lists it as one archive', () => {
    execFileSync('gzip', ['-t', '-S', '.apk', path]);
    const listed = execFileSync('tar', ['-tzf', path], { stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .split('\n');
    expect(listed.slice(0, 5)).toEqual([
      '.SIGN.RSA256.test.rsa.pub',
      '.PKGINFO',
      '.melange.yaml',
      '.post-install',
      'dev',
    ]);
  });

  test('sha256sum gives the data hash, and the identity is the hash of the control member', async () => {
    const pkg = await readPackage(whole, { file: 'tool.apk' });
    const { control, data } = pkg;
    const hash = execFileSync('sha256sum', { input: whole.subarray(data.offset) }).toString();
    expect(hash.split(' ')[0]).toBe(pkg.info.dataHash);
    const signed = whole.subarray(control.offset, control.offset + control.length);
    expect(pkg.identity).toBe(`Q1${createHash('sha1').update(signed).digest('base64')}`);
  });

  test.skipIf(!available('openssl'))('openssl verifies the signature over the control member', async () => {
    const { control, signatures } = await readPackage(whole, { file: 'tool.apk' });
    writeFileSync(join(dir, 'key.pub'), pair.publicPem);
    writeFileSync(join(dir, 'sig'), signatures[0]?.bytes ?? '');
    const said = execFileSync(
      'openssl',
      ['dgst', '-sha256', '-verify', join(dir, 'key.pub'), '-signature', join(dir, 'sig')],
      { input: whole.subarray(control.offset, control.offset + control.length) },
    );
    expect(said.toString().trim()).toBe('Verified OK');
  });
});

test('signing again replaces the signature and nothing else', async () => {
  const other = parseSigningKey((await createKeyPair(2048)).privatePem, { file: 'other.rsa' });
  const resigned = await collect(signPackage(await readPackage(whole, { file: 'tool.apk' }), other));
  const pkg = await readPackage(resigned, { file: 'tool.apk' });
  expect(pkg.signatures.map((s) => s.keyName)).toEqual(['other.rsa.pub']);
  const back = await collect(signPackage(pkg, key));
  expect(back.equals(whole)).toBe(true);
});

describe('a tampered package is refused with what was expected and found', () => {
  const refuse = async (bytes: Uint8Array, more: object = {}): Promise<{ code: string; details: unknown }> =>
    readPackage(bytes, { file: 'tool.apk', keyring, ...more }).then(
      () => {
        throw new Error('was accepted');
      },
      (error: unknown) => error as { code: string; details: unknown },
    );

  test('one byte of the data', async () => {
    const bytes = Buffer.from(whole);
    bytes[bytes.length - 5] = (bytes.at(-5) ?? 0) ^ 1;
    const { dataHash } = (await readPackage(whole, { file: 'x' })).info;
    const error = await refuse(bytes);
    expect(error.code).toBe('APK_DATA_MISMATCH');
    expect(error.details).toMatchObject({ file: 'tool.apk', expected: dataHash });
  });

  test('another control member under the old signature', async () => {
    const pkg = await readPackage(whole, { file: 'x' });
    const evil = await bytesOf({ info: { ...options.info, depends: ['evil'] } });
    const { control } = await readPackage(evil, { file: 'x' });
    const bytes = Buffer.concat([whole.subarray(0, pkg.control.offset), evil.subarray(control.offset)]);
    expect((await refuse(bytes)).code).toBe('SIGNATURE_INVALID');
    expect(await refuse(bytes, { identity: pkg.identity })).toMatchObject({
      code: 'APK_IDENTITY_MISMATCH',
      details: { expected: pkg.identity },
    });
  });

  test('no signature, or one by a key that is not known', async () => {
    const { key: _, ...unsigned } = options;
    const bytes = await collect((await writePackage(unsigned)).read());
    expect((await refuse(bytes)).code).toBe('SIGNATURE_MISSING');
    expect(await refuse(whole, { keyring: new Map() })).toMatchObject({
      code: 'SIGNATURE_KEY_UNKNOWN',
      details: { signedBy: ['test.rsa.pub'], known: [] },
    });
  });

  test('other files', async () => {
    expect((await refuse(Buffer.from('<html>'))).code).toBe('GZIP_INVALID');
    expect((await refuse(Buffer.from('ADBd0000'))).code).toBe('APK_V3_UNSUPPORTED');
    expect((await refuse(whole.subarray(0, 300))).code).toMatch(/GZIP_INVALID|APK_INVALID/);
    const { control } = await readPackage(whole, { file: 'x' });
    expect((await refuse(whole.subarray(0, control.offset + control.length))).code).toBe('APK_INVALID');
  });

  test('data of several members, which apk would refuse', async () => {
    const pkg = await readPackage(Buffer.concat([whole, whole.subarray(-600)]), {
      file: 'x',
      checkData: false,
    });
    await expect(collectEntries(pkg)).rejects.toThrow();
  });
});

async function collectEntries(pkg: Parameters<typeof packageEntries>[0]): Promise<void> {
  for await (const _ of packageEntries(pkg));
}

/** What a call throws. */
function refusal(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}

test('keys: PKCS#8 and encrypted ones are read, others refused with the reason', async () => {
  const { createPrivateKey, generateKeyPairSync } = await import('node:crypto');
  const object = createPrivateKey(pair.privatePem);
  const pkcs8 = object.export({ type: 'pkcs8', format: 'pem' }).toString();
  expect(parseSigningKey(pkcs8, { file: 'a.rsa' })).toMatchObject({
    keyName: 'a.rsa.pub',
    publicPem: pair.publicPem,
  });
  for (const type of ['pkcs1', 'pkcs8'] as const) {
    const locked = object
      .export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'right' })
      .toString();
    expect(parseSigningKey(locked, { file: 'a.rsa', passphrase: 'right' }).publicPem).toBe(pair.publicPem);
    expect(refusal(() => parseSigningKey(locked, { file: 'a.rsa' }))).toMatchObject({
      code: 'KEY_PASSPHRASE_MISSING',
      message: expect.stringContaining('is encrypted, and no passphrase'),
    });
    expect(refusal(() => parseSigningKey(locked, { file: 'a.rsa', passphrase: 'wrong' }))).toMatchObject({
      code: 'KEY_PASSPHRASE_WRONG',
      message: expect.stringContaining('cannot be decrypted'),
    });
  }
  expect(refusal(() => parseSigningKey('hello', { file: 'a.rsa' }))).toMatchObject({
    code: 'KEY_INVALID',
    message: expect.stringContaining('it has no PEM block'),
  });
  expect(() => parseSigningKey(pair.publicPem, { file: 'a.rsa' })).toThrow('it holds a PUBLIC KEY');
  await expect(createKeyPair(1024)).rejects.toThrow('at least 2048');
  const { privateKey: short } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const shortPem = short.export({ type: 'pkcs8', format: 'pem' }).toString();
  expect(refusal(() => parseSigningKey(shortPem, { file: 'a.rsa' }))).toMatchObject({
    code: 'KEY_TOO_SHORT',
  });
  expect(() => parseKeyring([{ name: 'a/b.pub', pem: pair.publicPem }])).toThrow('by its file name alone');
});
