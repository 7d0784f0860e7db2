import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTar } from '@melange2/apk';
import { connect, type Client } from '@melange2/buildkit-client';
import { assemble, lockEnvironment, openTransport, type Environment } from '@melange2/environment';
import { marshal, type State } from '@melange2/llb';
import { testKey, tinyRepository, type TinyPackage } from '@melange2/testing';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const transport = openTransport();
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'e2e-environment-'));
});

afterAll(async () => {
  await transport.close();
  await rm(dir, { recursive: true, force: true });
});

interface Where {
  readonly client: Client;
  readonly cacheDir: string;
}

async function make(
  { client, cacheDir }: Where,
  options: {
    readonly world: readonly string[];
    readonly repository: string;
    readonly key: string;
    readonly arch?: string;
  },
): Promise<Environment> {
  const { value, diagnostics } = await lockEnvironment({
    world: options.world,
    repositories: [options.repository],
    keyring: [options.key],
    arch: options.arch ?? 'x86_64',
    directory: dir,
    cacheDir,
    transport,
  });
  if (value === undefined) throw new Error(diagnostics.map((d) => d.message).join('\n'));
  const { llb } = await client.capabilities();
  return await assemble(value, { cacheDir, transport, caps: llb });
}

/** Every entry of the result, as one line each. */
async function treeOf(
  client: Client,
  { attachables }: Environment,
  state: State,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const { llb } = await client.capabilities();
  await client.build({
    definition: marshal(state, { platform: 'linux/amd64', caps: llb }),
    session: attachables,
    exports: [
      {
        kind: 'tar',
        output: async (stream) => {
          for await (const entry of readTar(stream)) {
            const { type, mode, uid, gid, linkName, size } = entry;
            const text =
              type === 'file' && size < 100 ? Buffer.from(await entry.bytes()).toString('utf8') : linkName;
            found.set(entry.name, `${type} ${mode.toString(8)} ${uid}:${gid} ${text}`.trim());
          }
        },
      },
    ],
  });
  return found;
}

const base: TinyPackage = {
  name: 'base',
  version: '1-r0',
  replaces: ['tool'],
  files: {
    bin: { linkName: 'usr/bin' },
    sbin: { linkName: 'usr/sbin' },
    lib: { linkName: 'usr/lib' },
    'usr/sbin': { linkName: 'bin' },
    'usr/bin': { type: 'directory' },
    'usr/bin/su': { content: 'su', mode: 0o4755 },
    'usr/lib': { type: 'directory' },
    'var/tmp': { type: 'directory', mode: 0o1777 },
    'var/mail': { type: 'directory', mode: 0o2775, gid: 12 },
    'etc/owned': 'base',
    'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\n',
    'etc/group': 'root:x:0:\nmail:x:12:\n',
  },
};
const tool: TinyPackage = {
  name: 'tool',
  version: '1-r0',
  depends: ['base'],
  scripts: { '.post-install': '#!/bin/sh\n' },
  files: {
    'bin/tool': { content: 'tool 1', mode: 0o755 },
    'bin/tool-too': { type: 'hardLink', linkName: 'bin/tool' },
    'sbin/admin': 'admin',
    'lib/old-only': 'old',
    'var/tmp': { type: 'directory' },
    'etc/owned': 'tool',
    'etc/.wh.kept': 'not a deletion',
    '.dropped': 'x',
    'home/data': { content: 'mine', uid: 1000, gid: 1000, mode: 0o600 },
  },
};

const expected = {
  bin: 'symlink 777 0:0 usr/bin',
  lib: 'symlink 777 0:0 usr/lib',
  sbin: 'symlink 777 0:0 usr/sbin',
  'usr/sbin': 'symlink 777 0:0 bin',
  'usr/bin/su': 'file 4755 0:0 su',
  'usr/bin/tool': 'file 755 0:0 tool 1',
  'usr/bin/admin': 'file 644 0:0 admin',
  'usr/lib/old-only': 'file 644 0:0 old',
  'var/tmp': 'directory 1777 0:0',
  'var/mail': 'directory 2775 0:12',
  'etc/owned': 'file 644 0:0 base',
  'etc/.wh.kept': 'file 644 0:0 not a deletion',
  'home/data': 'file 600 1000:1000 mine',
  'home/build': 'directory 755 1000:1000',
  tmp: 'directory 1777 0:0',
  'etc/group': 'file 644 0:0 root:x:0:\nmail:x:12:\nbuild:x:1000:build',
  '.dropped': undefined,
  '.PKGINFO': undefined,
  '.post-install': undefined,
};

function pick(
  tree: ReadonlyMap<string, string>,
  names: Iterable<string>,
): Record<string, string | undefined> {
  return Object.fromEntries(Array.from(names, (name) => [name, tree.get(name)]));
}

describe.skipIf(daemons.length === 0).each(daemons)('on BuildKit %s', (age, address) => {
  let where: Where;

  beforeAll(async () => {
    where = { client: await connect(address), cacheDir: join(dir, `cache-${age}`) };
  });

  afterAll(() => {
    where.client.close();
  });

  test('the root is what installing the packages one after the other gives', async () => {
    const key = await testKey();
    const repository = join(dir, `tiny-${age}`);
    await tinyRepository(repository, { packages: [base, tool], key });
    const environment = await make(where, {
      world: ['tool'],
      repository,
      key: join(repository, key.keyName),
    });
    const tree = await treeOf(where.client, environment, environment.state);
    expect(pick(tree, Object.keys(expected))).toEqual(expected);
    expect(tree.get('usr/bin/tool-too')).toBe('hardLink 755 0:0 usr/bin/tool');
  });

  test('a package that changes leaves nothing of its old version behind', async () => {
    const key = await testKey();
    const repository = join(dir, `changing-${age}`);
    const others = Array.from({ length: 8 }, (_, i): TinyPackage => ({
      name: `p${i}`,
      version: '1-r0',
      files: { [`usr/share/p${i}/a`]: 'a', [`usr/share/p${i}/b`]: 'b', [`usr/share/old${i}/c`]: 'c' },
    }));
    const options = {
      world: ['base', ...others.map((p) => p.name)],
      repository,
      key: join(repository, key.keyName),
    };
    await tinyRepository(repository, { packages: [base, ...others], key });
    const before = await make(where, options);
    await treeOf(where.client, before, before.state);
    const newer: TinyPackage = {
      name: 'p3',
      version: '2-r0',
      files: { 'usr/share/p3/b': 'new', 'usr/share/p3/d': 'd' },
    };
    await tinyRepository(repository, { packages: [base, ...others, newer], key });
    const after = await make(where, options);
    const tree = await treeOf(where.client, after, after.state);
    expect(
      pick(tree, [
        'usr/share/p3/a',
        'usr/share/p3/b',
        'usr/share/p3/d',
        'usr/share/old3',
        'usr/share/old4/c',
      ]),
    ).toEqual({
      'usr/share/p3/a': undefined,
      'usr/share/p3/b': 'file 644 0:0 new',
      'usr/share/p3/d': 'file 644 0:0 d',
      'usr/share/old3': undefined,
      'usr/share/old4/c': 'file 644 0:0 c',
    });
  });

  test('a real tool chain compiles as the build user', async () => {
    const options = { repository: world.repository, key: world.keyring, arch: world.arch };
    const environment = await make(where, { ...options, world: ['build-base', 'busybox'] });
    const compiled = environment.state.run({
      args: [
        '/bin/sh',
        '-c',
        'cd /home/build && printf "int puts(const char *);\\nint main(void) { return puts(\\"hello\\") < 0; }\\n" > a.c && cc -o a a.c && ./a > said && id -u >> said',
      ],
      user: 'build',
      network: 'none',
    }).root;
    const tree = await treeOf(where.client, environment, compiled);
    expect(tree.get('home/build/said')).toBe('file 644 1000:1000 hello\n1000');
  });
});
