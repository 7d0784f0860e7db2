import { execFile } from 'node:child_process';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createKeyPair, readTar, writeIndex, type TarEntry } from '@melange2/apk';
import { marshal } from '@melange2/llb';
import { testKey, tinyPackage, tinyRepository, type TinyPackage } from '@melange2/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { assemble, type AssembleOptions, type Environment } from './assemble.ts';
import { withBuildAccounts } from './accounts.ts';
import { formatLock, lockEnvironment, parseLock, type LockedEnvironment, type LockOptions } from './lock.ts';
import { openTransport } from './transport.ts';

let dir: string;
let servers: Server[] = [];
const transport = openTransport({ retryDelaysMs: [1, 1] });
const newDaemon = ['mergeop', 'source.ocilayout'];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'environment-'));
});

afterEach(async () => {
  for (const server of servers) server.close();
  servers = [];
  await rm(dir, { recursive: true, force: true });
});

const base: TinyPackage = {
  name: 'base',
  version: '1-r0',
  files: {
    bin: { linkName: 'usr/bin' },
    lib: { linkName: 'usr/lib' },
    'usr/bin': { type: 'directory' },
    'usr/lib': { type: 'directory' },
    'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
    'etc/group': 'root:x:0:\n',
    'etc/os-release': 'ID=test\n',
  },
};
const tool: TinyPackage = {
  name: 'tool',
  version: '1-r0',
  depends: ['base'],
  files: { 'bin/tool': 'tool 1' },
};

async function lock(options: Partial<LockOptions> = {}): Promise<LockedEnvironment> {
  const key = await testKey();
  const { value, diagnostics } = await lockEnvironment({
    world: ['tool'],
    repositories: [dir],
    keyring: [join(dir, key.keyName)],
    arch: 'x86_64',
    directory: dir,
    cacheDir: join(dir, 'cache'),
    transport,
    ...options,
  });
  if (value === undefined) throw new Error(diagnostics.map((d) => d.message).join('\n'));
  return value;
}

async function build(
  locked: LockedEnvironment,
  options: Partial<AssembleOptions> = {},
): Promise<Environment> {
  return await assemble(locked, { cacheDir: join(dir, 'cache'), transport, caps: newDaemon, ...options });
}

async function serve(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The entries of the overlay, which is the last layer. */
async function overlay({ attachables }: Environment): Promise<Map<string, TarEntry & { text: string }>> {
  const blobs = [...(attachables.contentStores?.['oci:environment']?.blobs.values() ?? [])];
  const last = blobs.findLast((b) => b.kind === 'file');
  if (last?.kind !== 'file') throw new Error('no overlay');
  const found = new Map<string, TarEntry & { text: string }>();
  for await (const entry of readTar([await readFile(last.path)])) {
    found.set(entry.name, { ...entry, text: Buffer.from(await entry.bytes()).toString('utf8') });
  }
  return found;
}

test('a portable environment is the same on machines that have built different things', async () => {
  const other: TinyPackage = { ...tool, name: 'other', files: { 'usr/bin/other': 'x' } };
  await tinyRepository(dir, { packages: [base, tool, other], key: await testKey() });
  const fresh = await build(await lock(), { portable: true });
  const used = join(dir, 'used');
  await build(await lock({ world: ['tool', 'other'], cacheDir: used }), { cacheDir: used });
  const locked = await lock({ cacheDir: used });
  const graphOf = ({ state }: Environment): string | undefined =>
    marshal(state, { platform: 'linux/amd64' }).head?.digest;
  expect(graphOf(await build(locked, { cacheDir: used }))).not.toBe(graphOf(fresh));
  expect(graphOf(await build(locked, { cacheDir: used, portable: true }))).toBe(graphOf(fresh));
});

test('an environment is locked, fetched and offered as layers of the packages’ own data', async () => {
  await tinyRepository(dir, { packages: [base, tool], key: await testKey() });
  const locked = await lock();
  expect(locked.packages.map((p) => [p.name, p.version, p.reasons.map((r) => r.kind)])).toEqual([
    ['base', '1-r0', ['dependency']],
    ['tool', '1-r0', ['world']],
  ]);
  const environment = await build(locked);
  expect(environment.method).toBe('images');
  expect(environment.layers).toEqual({ base: ['base-1-r0', 'tool-1-r0'], merged: [] });
  expect(environment.osRelease).toBe('ID=test\n');
  expect(Object.fromEntries(environment.state.settings.env)['PATH']).toMatch(/\/usr\/bin/);
  const apk = [...(environment.attachables.contentStores?.['oci:environment']?.blobs.values() ?? [])].find(
    (b) => b.kind === 'file' && b.path.endsWith('package.apk'),
  );
  expect(apk).toMatchObject({ offset: expect.any(Number) });
});

test('the same environment gives the same graph, on another machine too', async () => {
  await tinyRepository(dir, { packages: [base, tool], key: await testKey() });
  const locked = await lock();
  const graph = async (cacheDir: string): Promise<string> =>
    JSON.stringify(marshal((await build(locked, { cacheDir })).state, { platform: 'linux/amd64' }).head);
  expect(await graph(join(dir, 'one'))).toBe(await graph(join(dir, 'two')));
  expect(await graph(join(dir, 'one'))).toBe(await graph(join(dir, 'one')));
});

test('the overlay has accounts, homes, the package database and a sticky /tmp', async () => {
  const key = await testKey();
  await tinyRepository(dir, { packages: [base, tool], key });
  const entries = await overlay(await build(await lock()));
  expect(entries.get('etc/passwd')?.text).toMatch(
    /^root:x:0:0.*\nbuild:x:1000:1000:[^:]*:\/home\/build:\/bin\/sh\n$/s,
  );
  expect(entries.get('etc/group')?.text).toBe('root:x:0:\nbuild:x:1000:build\n');
  expect(entries.get('home/build')).toMatchObject({ type: 'directory', mode: 0o755, uid: 1000, gid: 1000 });
  expect(entries.get('tmp')).toMatchObject({ type: 'directory', mode: 0o1777 });
  expect(entries.get('etc/apk/world')?.text).toBe('tool\n');
  expect(entries.has(`etc/apk/keys/${key.keyName}`)).toBe(true);
  const installed = entries.get('usr/lib/apk/db/installed')?.text ?? '';
  expect(installed.split('\n').filter((l) => /^[PFR]:/.test(l))).toEqual(
    expect.arrayContaining(['P:base', 'P:tool', 'F:bin', 'R:tool']),
  );
});

test('accounts of the build file come besides the build user, certificates go into the bundle', async () => {
  const bundle: TinyPackage = {
    name: 'bundle',
    version: '1-r0',
    files: { 'etc/ssl/certs/ca-certificates.crt': 'first\n' },
  };
  await tinyRepository(dir, { packages: [base, tool, bundle], key: await testKey() });
  const environment = await build(await lock({ world: ['tool', 'bundle'] }), {
    accounts: withBuildAccounts({
      groups: [{ name: 'web', gid: 7, members: [] }],
      users: [{ name: 'web', uid: 7, home: '/srv/web' }],
    }),
    certificates: [{ name: 'ours', pem: 'second' }],
  });
  const entries = await overlay(environment);
  expect(entries.get('etc/passwd')?.text.split('\n').slice(1, 3)).toEqual([
    'web:x:7:7:Account created by melange2:/srv/web:/bin/sh',
    'build:x:1000:1000:Account created by melange2:/home/build:/bin/sh',
  ]);
  expect(entries.get('srv/web')).toMatchObject({ mode: 0o755, uid: 7, gid: 7 });
  expect(entries.get('etc/ssl/certs/ca-certificates.crt')?.text).toBe('first\nsecond\n');
  expect([...entries.keys()].some((name) => name.startsWith('usr/local/share/ca-certificates/ours-'))).toBe(
    true,
  );
});

test('a busybox has its links, the loader its cache', async () => {
  const busybox: TinyPackage = {
    name: 'busybox',
    version: '1-r0',
    files: {
      'usr/bin/busybox': 'x',
      'etc/busybox-paths.d/busybox': '/bin/ls\n/usr/bin/tool\n',
      'etc/ld.so.conf': '/usr/local/lib\n',
    },
  };
  await tinyRepository(dir, { packages: [base, tool, busybox], key: await testKey() });
  const entries = await overlay(await build(await lock({ world: ['tool', 'busybox'] })));
  expect(entries.get('usr/bin/ls')).toMatchObject({ type: 'symlink', linkName: '/bin/busybox' });
  expect(entries.has('usr/bin/tool')).toBe(false);
  expect(entries.get('etc/ld.so.cache')?.text).toMatch(/^glibc-ld\.so\.cache1\.1/);
});

test('daemons that cannot merge get the apk files of a session directory', async () => {
  await tinyRepository(dir, { packages: [base, tool], key: await testKey() });
  const environment = await build(await lock(), { caps: [] });
  expect(environment.method).toBe('unpack');
  const { path = '' } = environment.attachables.localDirs?.['environment'] ?? {};
  expect((await readdir(path)).toSorted()).toEqual(['base-1-r0.apk', 'overlay.tar', 'tool-1-r0.tar']);
});

test('when a package changes, the base stays and only the new one is merged', async () => {
  const others = Array.from({ length: 6 }, (_, i): TinyPackage => ({
    name: `p${i}`,
    version: '1-r0',
    files: { [`usr/share/p${i}`]: 'x' },
  }));
  const world = ['tool', ...others.map((p) => p.name)];
  await tinyRepository(dir, { packages: [base, tool, ...others], key: await testKey() });
  const before = await build(await lock({ world }));
  const newer: TinyPackage = { name: 'p3', version: '2-r0', files: { 'usr/share/p3-new': 'y' } };
  await tinyRepository(dir, { packages: [base, tool, ...others, newer], key: await testKey() });
  const after = await build(await lock({ world }));
  expect(after.layers.base).toEqual([...before.layers.base, 'what is not wanted']);
  expect(after.layers.merged).toEqual(['p3-2-r0']);
});

test('a package from the web comes once, an index again only when it has changed', async () => {
  await tinyRepository(dir, { packages: [base, tool], key: await testKey() });
  const asked: string[] = [];
  const url = await serve((request, response) => {
    const etag = '"one"';
    asked.push(`${request.url} ${request.headers['if-none-match'] ?? ''}`.trim());
    if (request.headers['if-none-match'] === etag) return response.writeHead(304).end();
    readFile(join(dir, request.url ?? '')).then(
      (bytes) => response.writeHead(200, { etag }).end(bytes),
      () => response.writeHead(404).end(),
    );
    return undefined;
  });
  for (const _ of [1, 2]) await build(await lock({ repositories: [url] }));
  expect(asked.toSorted()).toEqual([
    '/x86_64/APKINDEX.tar.gz',
    '/x86_64/APKINDEX.tar.gz "one"',
    '/x86_64/base-1-r0.apk',
    '/x86_64/tool-1-r0.apk',
  ]);
});

test('a server that is busy is asked again, one that refuses is not', async () => {
  await tinyRepository(dir, { packages: [base, tool], key: await testKey() });
  let busy = 2;
  const url = await serve((request, response) => {
    if (busy-- > 0) return response.writeHead(503).end();
    readFile(join(dir, request.url ?? '')).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
    return undefined;
  });
  expect((await lock({ repositories: [url] })).packages).toHaveLength(2);
  const closed = await serve((_, response) => response.writeHead(403).end());
  await expect(lock({ repositories: [closed] })).rejects.toMatchObject({
    code: 'ENVIRONMENT_DOWNLOAD_FAILED',
  });
});

test('a download that breaks off is begun again, and given up after three times with nothing kept', async () => {
  await tinyRepository(dir, { packages: [base], key: await testKey() });
  let broken = 2;
  let asked = 0;
  const url = await serve((request, response) => {
    const isPackage = request.url?.endsWith('.apk') === true;
    if (isPackage) asked++;
    readFile(join(dir, request.url ?? '')).then(
      (bytes) => {
        response.writeHead(200, { 'content-length': bytes.length });
        if (!isPackage || broken-- <= 0) response.end(bytes);
        else response.write(bytes.subarray(0, 100), () => response.destroy());
      },
      () => response.writeHead(404).end(),
    );
  });
  const locked = await lock({ repositories: [url], world: ['base'] });
  await build(locked);
  expect(asked).toBe(3);
  broken = 9;
  await expect(build(locked, { cacheDir: join(dir, 'cache-2') })).rejects.toMatchObject({
    code: 'ENVIRONMENT_DOWNLOAD_FAILED',
  });
  expect(await readdir(join(dir, 'cache-2/packages'))).toEqual([]);
});

test('an aborted assembly ends with the reason and leaves nothing behind', async () => {
  await tinyRepository(dir, { packages: [base, tool], key: await testKey() });
  const locked = await lock();
  const stop = new AbortController();
  const reason = new Error('enough');
  const onPackage = (): void => stop.abort(reason);
  const limited = { signal: stop.signal, onPackage };
  await Promise.allSettled([build(locked, limited)]);
  await expect(build(locked, { signal: stop.signal })).rejects.toBe(reason);
  expect((await cached()).filter((name) => name.startsWith('.'))).toEqual([]);
});

async function cached(): Promise<string[]> {
  return await readdir(join(dir, 'cache/packages')).catch(() => []);
}

test('a package that is not the one of the index is refused, and nothing of it is kept', async () => {
  await tinyRepository(dir, { packages: [base], key: await testKey() });
  const locked = await lock({ world: ['base'] });
  const other = await tinyPackage({ ...base, files: { 'etc/evil': 'x' } });
  await writeFile(join(dir, 'x86_64/base-1-r0.apk'), other.bytes);
  await expect(build(locked)).rejects.toMatchObject({ code: 'APK_IDENTITY_MISMATCH' });
  expect(await cached()).toEqual([]);
});

test('a package that was cut short or whose data were changed is refused, and nothing of it is kept', async () => {
  await tinyRepository(dir, { packages: [base], key: await testKey() });
  const locked = await lock({ world: ['base'] });
  const file = join(dir, 'x86_64/base-1-r0.apk');
  const whole = await readFile(file);
  const changed = Buffer.from(whole);
  changed.writeUInt8(whole.readUInt8(whole.length - 20) ^ 1, whole.length - 20);
  await writeFile(file, changed);
  await expect(build(locked)).rejects.toMatchObject({ code: 'APK_DATA_MISMATCH' });
  await writeFile(file, whole);
  await truncate(file, whole.length - 30);
  await expect(build(locked)).rejects.toMatchObject({ name: 'BuildError' });
  expect(await cached()).toEqual([]);
});

test('a package that was damaged in the cache is fetched again', async () => {
  await tinyRepository(dir, { packages: [base], key: await testKey() });
  const locked = await lock({ world: ['base'] });
  await build(locked);
  const [folder = ''] = await cached();
  const file = join(dir, 'cache/packages', folder, 'package.apk');
  const whole = await readFile(file);
  await writeFile(file, 'rubbish');
  await build(locked);
  expect(await readFile(file)).toEqual(whole);
});

test('an index without a good signature is refused by name of the key, unless signatures are ignored', async () => {
  await tinyRepository(dir, { packages: [base, tool] });
  await tinyRepository(join(dir, 'other'), { packages: [], key: await testKey() });
  const keyring = [join(dir, 'other', (await testKey()).keyName)];
  await expect(lock({ keyring })).rejects.toMatchObject({ code: 'SIGNATURE_MISSING' });
  expect((await lock({ keyring, ignoreSignatures: true })).packages).toHaveLength(2);
});

test('a package that its index gives no checksum of is refused: nothing would say whether it is the one', async () => {
  const key = await testKey();
  const [record] = await tinyRepository(dir, { packages: [base], key });
  if (record === undefined) throw new Error('no record');
  const { identity: _, ...anonymous } = record;
  await writeFile(join(dir, 'x86_64/APKINDEX.tar.gz'), await writeIndex([anonymous], { key }));
  await expect(lock({ world: ['base'] })).rejects.toMatchObject({
    code: 'ENVIRONMENT_PACKAGE_ANONYMOUS',
    message: expect.stringContaining('base-1-r0'),
  });
});

test('a directory without index has no packages, with a warning; one of the web is an error', async () => {
  await tinyRepository(dir, { packages: [base, tool], key: await testKey() });
  const options = {
    world: ['tool'],
    keyring: [join(dir, (await testKey()).keyName)],
    arch: 'x86_64',
    directory: dir,
    cacheDir: join(dir, 'cache'),
    transport,
  };
  const { value, diagnostics } = await lockEnvironment({
    ...options,
    repositories: [dir, join(dir, 'none')],
  });
  expect(value?.packages).toHaveLength(2);
  expect(diagnostics.map((d) => [d.code, d.severity])).toEqual([['ENVIRONMENT_INDEX_MISSING', 'warning']]);
  const url = await serve((_, response) => response.writeHead(404).end());
  await expect(lock({ repositories: [url] })).rejects.toMatchObject({ code: 'ENVIRONMENT_INDEX_MISSING' });
});

test('a key that is not there is said so', async () => {
  await expect(lock({ keyring: ['none.rsa.pub'] })).rejects.toMatchObject({
    code: 'ENVIRONMENT_KEY_UNREADABLE',
  });
});

test('several processes may fill one cache', { timeout: 60_000 }, async () => {
  const many = Array.from({ length: 12 }, (_, i): TinyPackage => ({
    name: `p${i}`,
    version: '1-r0',
    files: { [`bin/p${i}`]: 'x'.repeat(100_000) },
  }));
  await tinyRepository(dir, { packages: [base, tool, ...many], key: await testKey() });
  const locked = await lock({ world: ['tool', ...many.map((p) => p.name)] });
  await writeFile(join(dir, 'lock.json'), formatLock(locked));
  const program = [
    "import { readFileSync } from 'node:fs';",
    "import { assemble, openTransport, parseLock } from '@melange2/environment';",
    "import { marshal } from '@melange2/llb';",
    'const [dir] = process.argv.slice(2);',
    "const locked = parseLock(readFileSync(`${dir}/lock.json`, 'utf8'), 'lock.json', dir);",
    "const caps = ['mergeop', 'source.ocilayout'];",
    'const made = await assemble(locked, { cacheDir: `${dir}/cache`, transport: openTransport(), caps });',
    "console.log(marshal(made.state, { platform: 'linux/amd64' }).head.digest);",
  ].join('\n');
  const file = join(import.meta.dirname, `.several-${process.pid}.ts`);
  await writeFile(file, program);
  try {
    const run = promisify(execFile);
    const all = await Promise.all(
      [1, 2, 3].map(async () => await run(process.execPath, ['--conditions=x-source', file, dir])),
    );
    expect(new Set(all.map(({ stdout }) => stdout)).size).toBe(1);
  } finally {
    await rm(file);
  }
  const kept = await cached();
  expect(kept).toHaveLength(14);
  expect(kept.filter((name) => name.startsWith('.'))).toEqual([]);
});

test('a lock survives its file, without credentials', async () => {
  await tinyRepository(dir, { packages: [base, tool], key: await testKey() });
  const locked = await lock();
  expect(parseLock(formatLock(locked), 'lock.json', dir)).toEqual(locked);
  const secret = {
    ...locked,
    repositories: locked.repositories.map((r) => ({ ...r, text: 'https://me:secret@host/x' })),
  };
  expect(formatLock(secret)).not.toContain('secret');
  expect(() => parseLock('{}', 'lock.json', dir)).toThrow(/parts of it are missing/);
  expect(() => parseLock('{', 'lock.json', dir)).toThrow(/it is not JSON/);
});

test('what an environment cannot be made of is refused with its code, and named', async () => {
  const key = await testKey();
  await tinyRepository(dir, { packages: [base, tool], key });
  const refused = async (code: string, says: string, work: Promise<unknown>): Promise<void> => {
    const error = await work.then(
      () => undefined,
      (cause: unknown) => cause as Error & { code?: string },
    );
    expect([error?.code, error?.message]).toEqual([code, expect.stringContaining(says)]);
  };
  await refused('ENVIRONMENT_REPOSITORY_INVALID', 'ftp', lock({ repositories: ['ftp://example/os'] }));

  const other = join(dir, 'other', key.keyName);
  await mkdir(join(dir, 'other'));
  await writeFile(other, (await createKeyPair(2048)).publicPem);
  const keyring = [join(dir, key.keyName), other];
  await refused('ENVIRONMENT_KEY_AMBIGUOUS', key.keyName, lock({ keyring }));
  const missing = join(dir, 'missing.pub');
  await refused('ENVIRONMENT_KEY_UNREADABLE', missing, lock({ keyring: [missing] }));

  const locked = await lock();
  await writeFile(join(dir, 'file'), '');
  const below = join(dir, 'file/cache');
  await refused('ENVIRONMENT_CACHE_UNWRITABLE', below, build(locked, { cacheDir: below }));
  await rm(join(dir, 'x86_64/tool-1-r0.apk'));
  await refused('ENVIRONMENT_PACKAGE_MISSING', 'tool-1-r0', build(locked, { cacheDir: join(dir, 'empty') }));

  const line = 'root:x:0:0';
  const odd = { ...base, files: { ...base.files, 'etc/passwd': `${line}\n` } };
  await tinyRepository(dir, { packages: [odd, tool], key });
  await refused(
    'ENVIRONMENT_ACCOUNT_INVALID',
    line,
    lock().then((of) => build(of)),
  );
  const text = formatLock(locked);
  for (const damaged of [
    '[]',
    text.replace('"version": 1', '"version": 9'),
    text.replaceAll('"repository": 0', '"repository": 7'),
  ]) {
    await refused('ENVIRONMENT_LOCK_INVALID', 'a.lock', (async () => parseLock(damaged, 'a.lock', dir))());
  }
});
