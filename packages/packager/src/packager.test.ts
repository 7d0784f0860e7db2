import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  bytesSource,
  createKeyPair,
  openPackage,
  packageEntries,
  parseKeyring,
  parseSigningKey,
  readIndex,
  tarHeader,
  writeTar,
  xattrsOf,
  type TarHeader,
  type TarInput,
} from '@melange2/apk';
import type { BuildError } from '@melange2/diagnostics';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import {
  analysePackage,
  emitPackage,
  joinDependencies,
  parseCapabilities,
  parseOwnerNames,
  receiveTrees,
  updateIndex,
  withDependencies,
  writeProvenance,
} from './index.ts';
import type { AnalysedPackage, EmitOptions, PackageArtifact, PackageRecipe } from './index.ts';

const root = mkdtempSync(join(tmpdir(), 'packager-'));
afterAll(() => rmSync(root, { recursive: true }));
let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(root, 't-'));
});

const pair = await createKeyPair(2048);
const key = parseSigningKey(pair.privatePem, { file: 'test.rsa' });
const keyring = parseKeyring([{ name: 'test.rsa.pub', pem: pair.publicPem }]);

function file(name: string, text: string, fields: Partial<TarHeader> = {}): TarInput {
  const content = Buffer.from(text);
  return { header: tarHeader({ name, size: content.length, uid: 1000, gid: 1000, ...fields }), content };
}

function entry(name: string, fields: Partial<TarHeader>): TarInput {
  return { header: tarHeader({ name, uid: 1000, gid: 1000, ...fields }) };
}

const capability = Uint8Array.of(1, 0, 0, 3, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

const output: TarInput[] = [
  entry('tool/', { type: 'directory' }),
  entry('tool/usr/', { type: 'directory', mode: 0o755 }),
  entry('tool/usr/bin/', { type: 'directory', mode: 0o2755, gid: 33 }),
  file('tool/usr/bin/tool', '#!/usr/bin/perl\n', {
    mode: 0o4755,
    uid: 0,
    pax: [
      ['SCHILY.xattr.security.selinux', Buffer.from('x')],
      ['SCHILY.xattr.security.capability', capability],
    ],
  }),
  file('tool/usr/bin/ping', 'x', { mode: 0o755 }),
  entry('tool/usr/bin/pong', { type: 'hardLink', linkName: 'tool/usr/bin/ping' }),
  entry('tool/dev/null', { type: 'characterDevice', devMajor: 1, devMinor: 3, mode: 0o666 }),
  file('tool-doc/usr/share/doc/tool/README', 'hello', { uid: 70 }),
  entry('tool-doc/usr/share/doc/tool/run', { type: 'hardLink', linkName: 'tool/usr/bin/ping' }),
  entry('tool-doc/usr/share/doc/tool/walk', { type: 'hardLink', linkName: 'tool/usr/bin/ping' }),
  entry('tool-doc/usr/share/man/man1', { type: 'directory', mode: 0o755 }),
  file('elsewhere/file', 'not packaged'),
];

function recipe(name: string, change: Partial<PackageRecipe> = {}): PackageRecipe {
  return {
    name,
    version: '1.0-r0',
    arch: 'x86_64',
    description: 'a tool',
    url: 'https://example.com',
    commit: 'c0ffee',
    licenses: ['MIT'],
    origin: 'tool',
    namespace: 'wolfi',
    depends: [],
    provides: [],
    replaces: [],
    providerPriority: undefined,
    replacesPriority: undefined,
    noProvides: false,
    noDepends: false,
    noCommands: false,
    noVersionedLibraries: false,
    scripts: new Map(),
    triggers: [],
    setcap: [],
    ...change,
  };
}

const order = ['tool', 'tool-doc'];

async function build(
  change: Partial<PackageRecipe> = {},
  options: Partial<EmitOptions> = {},
): Promise<PackageArtifact[]> {
  const received = await receiveTrees(writeTar(output), { packages: order, spoolDir: dir });
  try {
    const artifacts: PackageArtifact[] = [];
    for (const one of [recipe('tool', change), recipe('tool-doc')]) {
      const analysed = await analysePackage({ recipe: one, trees: received.trees, order });
      artifacts.push(
        await emitPackage(analysed, {
          outDir: join(dir, 'out'),
          sourceDateEpoch: 1_700_000_000,
          key,
          buildFile: 'package: {}\n',
          ...options,
        }),
      );
    }
    return artifacts;
  } finally {
    await received.close();
  }
}

async function entriesOf(path: string): Promise<unknown[]> {
  const pkg = await openPackage(bytesSource(readFileSync(path)), { file: path, keyring });
  const seen = [];
  for await (const e of packageEntries(pkg)) {
    seen.push([
      e.name,
      e.type,
      e.mode.toString(8),
      `${e.uid}:${e.gid}`,
      `${e.uname}:${e.gname}`,
      [...xattrsOf(e).keys()],
    ]);
  }
  return seen;
}

test('what a build leaves behind becomes signed packages with everything kept', async () => {
  const [tool, doc] = await build();
  expect(await entriesOf(tool?.path ?? '')).toEqual([
    ['dev', 'directory', '755', '0:0', 'root:root', []],
    ['dev/null', 'characterDevice', '666', '0:0', 'root:root', []],
    ['usr', 'directory', '755', '0:0', 'root:root', []],
    ['usr/bin', 'directory', '2755', '0:33', 'root:', []],
    ['usr/bin/ping', 'file', '755', '0:0', 'root:root', []],
    ['usr/bin/pong', 'hardLink', '755', '0:0', 'root:root', []],
    ['usr/bin/tool', 'file', '4755', '0:0', 'root:root', ['security.capability']],
  ]);
  expect(await entriesOf(doc?.path ?? '')).toEqual([
    ['usr', 'directory', '755', '0:0', 'root:root', []],
    ['usr/share', 'directory', '755', '0:0', 'root:root', []],
    ['usr/share/doc', 'directory', '755', '0:0', 'root:root', []],
    ['usr/share/doc/tool', 'directory', '755', '0:0', 'root:root', []],
    ['usr/share/doc/tool/README', 'file', '644', '70:0', ':root', []],
    ['usr/share/doc/tool/run', 'file', '755', '0:0', 'root:root', []],
    ['usr/share/doc/tool/walk', 'hardLink', '755', '0:0', 'root:root', []],
    ['usr/share/man', 'directory', '755', '0:0', 'root:root', []],
    ['usr/share/man/man1', 'directory', '755', '0:0', 'root:root', []],
  ]);
  expect(tool?.info).toMatchObject({
    depends: ['cmd:perl'],
    provides: ['cmd:ping=1.0-r0', 'cmd:pong=1.0-r0', 'cmd:tool=1.0-r0'],
    maintainer: 'wolfi',
    buildDate: 1_700_000_000,
  });
  expect(doc?.info.depends).toEqual(['man-db']);
});

test('a second build gives the same bytes, and nothing else is left in the folders', async () => {
  const first = await build();
  const bytes = first.map((a) => readFileSync(a.path));
  const second = await build();
  expect(second.map((a, i) => readFileSync(a.path).equals(bytes[i] ?? Buffer.alloc(0)))).toEqual([
    true,
    true,
  ]);
  expect(second).toEqual(first);
  expect(readdirSync(dir)).toEqual(['out']);
  expect(readdirSync(join(dir, 'out/x86_64'))).toEqual(['tool-1.0-r0.apk', 'tool-doc-1.0-r0.apk']);
});

test('the index is merged, sorted and signed, also when builds run side by side', async () => {
  const artifacts = await build();
  const folder = join(dir, 'out/x86_64');
  await Promise.all(
    artifacts.toReversed().map(({ record }) => updateIndex({ folder, records: [record], key })),
  );
  const index = await readIndex(readFileSync(join(folder, 'APKINDEX.tar.gz')), { file: 'APKINDEX', keyring });
  expect(index.records.map((r) => [r.name, r.identity, r.size])).toEqual(
    artifacts.map((a) => [a.info.name, a.identity, a.sizeBytes]),
  );
  expect(readdirSync(folder)).toEqual(['APKINDEX.tar.gz', 'tool-1.0-r0.apk', 'tool-doc-1.0-r0.apk']);
});

test('a lock that a killed build left behind holds nobody up for long', async () => {
  const folder = join(dir, 'out/x86_64');
  mkdirSync(folder, { recursive: true });
  const lock = join(folder, 'APKINDEX.tar.gz.lock');
  writeFileSync(lock, '');
  await expect(updateIndex({ folder, records: [], waitSeconds: 0 })).rejects.toMatchObject({
    code: 'INDEX_BUSY',
  });
  utimesSync(lock, 0, 0);
  await updateIndex({ folder, records: [], waitSeconds: 1 });
  expect(readdirSync(folder)).toEqual(['APKINDEX.tar.gz']);
});

test('a build that is stopped leaves nothing behind', async () => {
  const stopped = AbortSignal.abort(new Error('stopped'));
  await expect(build({}, { signal: stopped })).rejects.toThrow('stopped');
  expect(readdirSync(join(dir, 'out/x86_64'))).toEqual([]);
  const received = receiveTrees(writeTar(output), { packages: order, spoolDir: dir, signal: stopped });
  await expect(received).rejects.toThrow('stopped');
  expect(readdirSync(dir)).toEqual(['out']);
});

describe('what apk would refuse', () => {
  test('a dependency that it cannot read is an error, all of them at once', async () => {
    const wrong = build({ depends: ['good', 'baz@edge', 'a b'], provides: ['x=not a version'] });
    await expect(wrong).rejects.toMatchObject({
      code: 'PACKAGE_DEPENDENCY_INVALID',
      diagnostics: { length: 3 },
    });
  });

  test('a hard link to nothing and a path that climbs are refused', async () => {
    for (const bad of [
      entry('tool/a', { type: 'hardLink', linkName: 'tool/missing' }),
      file('tool/../../etc/passwd', ''),
    ]) {
      const receiving = receiveTrees(writeTar([bad]), { packages: order, spoolDir: dir });
      await expect(receiving).rejects.toMatchObject({ code: 'PACKAGE_OUTPUT_INVALID' });
    }
    expect(readdirSync(dir)).toEqual([]);
  });
});

test('what lies beside the packages is handed on, second names and links too', async () => {
  const stream = writeTar([
    file('licenses/COPYING', 'text'),
    entry('licenses/LICENSE', { type: 'hardLink', linkName: 'licenses/COPYING' }),
    entry('licenses/', { type: 'directory' }),
    entry('cache/link', { type: 'symlink', linkName: 'x' }),
    file('packages/tool/a', 'x'),
  ]);
  const others: string[] = [];
  const received = await receiveTrees(stream, {
    packages: order,
    prefix: 'packages',
    spoolDir: dir,
    onOther: async (other) => {
      others.push(`${other.type} ${other.name} ${(await other.bytes()).length}`);
    },
  });
  expect(others).toEqual(['file licenses/COPYING 4', 'hardLink licenses/LICENSE 0', 'symlink cache/link 0']);
  expect(received.trees.get('tool')?.entries.map((e) => e.header.name)).toEqual(['a']);
  await received.close();
});

describe('what is found after the fact', () => {
  const analysed = async (change: Partial<PackageRecipe>): Promise<AnalysedPackage> =>
    analysePackage({ recipe: recipe('tool', change), trees: new Map(), order: ['tool'] });

  test('is joined with what is declared, sorted, and left out where the build file says so', async () => {
    const found = { depends: ['so:z', 'cmd:sh', 'a'], provides: ['cmd:x=1', 'b=2'], vendored: [] };
    const pkg = await analysed({ depends: ['declared'] });
    expect(withDependencies({ ...pkg, found }).dependencies).toMatchObject({
      depends: ['a', 'cmd:sh', 'declared', 'so:z'],
      provides: ['b=2', 'cmd:x=1'],
    });
    const without = await analysed({ depends: ['declared'], noCommands: true, noProvides: true });
    expect(withDependencies({ ...without, found }).dependencies).toMatchObject({
      depends: ['a', 'declared', 'so:z'],
      provides: [],
    });
  });

  test('is refused where apk would refuse it', async () => {
    const pkg = await analysed({});
    const found = { depends: ['two words'], provides: ['x y'], vendored: [] };
    const texts = (): readonly string[] => {
      try {
        return withDependencies({ ...pkg, found }).dependencies.depends;
      } catch (error) {
        return (error as BuildError).diagnostics.map((d) => d.code);
      }
    };
    expect(texts()).toEqual(['PACKAGE_FOUND_INVALID', 'PACKAGE_FOUND_INVALID']);
  });
});

test('a second name of a device becomes a device of its own', async () => {
  const device = { type: 'characterDevice', devMajor: 1, devMinor: 3 } as const;
  const stream = writeTar([
    entry('tool/dev/null', device),
    entry('tool/dev/zero', { type: 'hardLink', linkName: 'tool/dev/null' }),
    entry('tool-doc/void', { type: 'hardLink', linkName: 'tool/dev/null' }),
  ]);
  const received = await receiveTrees(stream, { packages: order, spoolDir: dir });
  const seen = ['dev/null', 'dev/zero'].map((path) => received.trees.get('tool')?.get(path)?.header);
  expect(seen.map((h) => [h?.type, h?.devMajor, h?.devMinor])).toEqual([
    ['characterDevice', 1, 3],
    ['characterDevice', 1, 3],
  ]);
  expect(received.trees.get('tool-doc')?.get('void')?.header.type).toBe('characterDevice');
  await received.close();
});

test('setcap gives a file its capabilities, under all of its names', async () => {
  const [tool] = await build({
    setcap: [{ path: '/usr/bin/pong', add: { 'cap_net_raw,cap_net_admin': '+ep' } }],
  });
  const seen = (await entriesOf(tool?.path ?? '')).map(String);
  expect(seen.filter((e) => e.includes('security.capability'))).toEqual([
    'usr/bin/ping,file,755,0:0,root:root,security.capability',
    'usr/bin/pong,file,755,0:0,root:root,security.capability',
    'usr/bin/tool,file,4755,0:0,root:root,security.capability',
  ]);
  expect(parseCapabilities([['cap_nope', '+ep']])).toBe('cap_nope: +ep');
  await expect(build({ setcap: [{ path: 'x', add: { cap_net_raw: 'full' } }] })).rejects.toMatchObject({
    code: 'PACKAGE_CAPABILITY_INVALID',
  });
});

test('what apk would not read, and capabilities of no file, are warnings', async () => {
  const large = 0o10000000;
  const unusual = [
    file('tool/a\u0007b', 'x'),
    file('tool/large', 'x', { uid: large }),
    entry('tool/link', { type: 'symlink', linkName: 'large' }),
  ];
  const received = await receiveTrees(writeTar(unusual), { packages: order, spoolDir: dir });
  const setcap = ['/nowhere', '/link'].map((path) => ({ path, add: { cap_net_raw: '+ep' } }));
  const { diagnostics } = await analysePackage({
    recipe: recipe('tool', { setcap }),
    trees: received.trees,
    order,
  });
  await received.close();
  expect(diagnostics.map(({ severity, code, message }) => `${severity} ${code} ${message}`))
    .toMatchInlineSnapshot(`
    [
      "warning PACKAGE_CAPABILITY_UNUSED setcap of the package tool names nowhere, and the package has no such file. No capability is set there.",
      "warning PACKAGE_CAPABILITY_UNUSED setcap of the package tool names link, and that is no regular file. No capability is set there.",
      "warning PACKAGE_PATH_REFUSED The package tool contains "a\\u0007b"; apk takes names with control characters for malicious and does not install such files.",
      "warning PACKAGE_OWNER_TOO_LARGE large in the package tool belongs to the id 2097152; apk reads ids up to 2097151 and installs this one as 0.",
    ]
  `);
});

test('owners get the names that the build environment has for them', async () => {
  const owners = parseOwnerNames('root:x:0:0::/:\npostgres:x:70:70::/:\n', 'root:x:0:\nwww:x:33:\n');
  const received = await receiveTrees(writeTar(output), { packages: order, spoolDir: dir, owners });
  const readme = received.trees.get('tool-doc')?.get('usr/share/doc/tool/README')?.header;
  expect([readme?.uname, readme?.gname]).toEqual(['postgres', 'root']);
  expect(received.trees.get('tool')?.get('usr/bin')?.header.gname).toBe('www');
  await received.close();
});

test('what is declared goes before what is found, and what a package has itself it does not need', () => {
  const joined = joinDependencies(
    {
      depends: ['zlib', 'cmd:own', 'foo>=1', 'so-ver:x>=2'],
      provides: ['cmd:s=9'],
      replaces: ['b', 'a', 'b'],
    },
    {
      depends: ['so:private.so.1', 'so:z.so.1', 'zlib'],
      provides: ['cmd:own=1-r0', 'cmd:s=1-r0', 'foo=1'],
      vendored: ['so:private.so.1=1'],
    },
  );
  expect(joined).toEqual({
    depends: ['foo>=1', 'so-ver:x>=2', 'so:z.so.1', 'zlib'],
    provides: ['cmd:own=1-r0', 'cmd:s=9', 'foo=1'],
    replaces: ['b', 'a', 'b'],
    vendored: ['so:private.so.1=1'],
  });
});

test('provenance names the file by its digest, and lies signed beside it', async () => {
  const [tool] = await build();
  if (tool === undefined) throw new Error('nothing was built');
  const provenance = {
    config: { package: { name: 'tool' } },
    version: '0.1.0',
    startedMs: 0,
    finishedMs: 1500,
  };
  const path = await writeProvenance(tool, provenance, { sourceDateEpoch: 1_700_000_000, key });
  expect(path).toBe(join(dir, 'out/x86_64/tool-1.0-r0.attest.tar.gz'));
  const listed = execFileSync('tar', ['-tzf', path]).toString().trim().split('\n');
  expect(listed).toEqual(['.SIGN.RSA256.test.rsa.pub', 'tool-1.0-r0.attestation']);
  const statement = JSON.parse(
    execFileSync('tar', ['-xzOf', path, 'tool-1.0-r0.attestation']).toString(),
  ) as {
    subject: unknown;
    predicate: { runDetails: { metadata: unknown } };
  };
  const digest = execFileSync('sha256sum', [tool.path]).toString().split(' ')[0];
  expect(statement.subject).toEqual([{ name: 'tool-1.0-r0.apk', digest: { sha256: digest } }]);
  expect(statement.predicate.runDetails.metadata).toEqual({
    startedOn: '1970-01-01T00:00:00.000Z',
    finishedOn: '1970-01-01T00:00:01.500Z',
  });
});
