import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync, hash, randomUUID } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  connect,
  type Attachables,
  type Client,
  type SessionOptions,
  type SessionTransfer,
  type SourcePolicyAnswer,
  type SourcePolicyRequest,
  type VirtualFile,
} from '@melange2/buildkit-client';
import { http, local, marshal, type Definition, type LocalOptions, type State } from '@melange2/llb';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { busyboxState, sh } from '../harness/busybox.ts';
import { lacks } from '../harness/lacks.ts';

const addresses = Object.entries(inject('daemons'));
const salt = randomUUID();

describe.skipIf(addresses.length === 0).each(addresses)('the session with BuildKit %s', (age, address) => {
  let client: Client;
  let base: State;
  let dir: string;
  const definitionOf = (state: State): Definition =>
    marshal(state, { platform: 'linux/amd64', localUniqueId: salt });

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'm2-session-'));
    client = await connect(address);
    base = await busyboxState();
  });
  afterAll(() => {
    client?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  /** What a command says of a state that is mounted at /src. */
  async function look(
    source: State,
    script: string,
    session: Omit<Attachables, 'exports'>,
    sessionOptions: Omit<SessionOptions, 'signal'> = {},
  ): Promise<string> {
    const out = base
      .run({
        args: sh(`cd /src && { ${script} ; } >/out/answer 2>&1`),
        network: 'none',
        env: { AGAIN: randomUUID() },
        mounts: [
          { kind: 'bind', dest: '/src', source, readonly: true },
          { kind: 'bind', dest: '/out' },
        ],
      })
      .mount('/out');
    let answer = '';
    await client.build({
      definition: definitionOf(out),
      session,
      sessionOptions,
      exports: [
        {
          kind: 'tar',
          output: async (stream) => {
            answer = await text(stream);
          },
        },
      ],
    });
    // The only file of the archive, behind its header.
    const size = Number.parseInt(/answer\0[\s\S]{117}([0-7]{11})/.exec(answer)?.[1] ?? '0', 8);
    const start = answer.indexOf('answer\0') + 512;
    return Buffer.from(answer.slice(start), 'utf8').subarray(0, size).toString('utf8').trimEnd();
  }

  function tree(name: string, files: Readonly<Record<string, string>>): string {
    const root = join(dir, name);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), content);
    }
    return root;
  }

  test('FileSync: sends a folder with names, modes and links as they are', async () => {
    const path = tree('faithful', {
      'a.txt': 'text',
      'a/x': 'x',
      'a-b/y': 'y',
      'ä ö/～': 'wide',
      'ä ö/😀': 'emoji',
      empty: '',
    });
    chmodSync(join(path, 'a.txt'), 0o4711);
    chmodSync(join(path, 'a-b'), 0o1777);
    linkSync(join(path, 'a.txt'), join(path, 'hard'));
    symlinkSync('../a.txt', join(path, 'a/link'));
    execFileSync('mkfifo', [join(path, 'pipe')]);
    const run = (): Promise<string> =>
      look(
        local('faithful'),
        '/bin/busybox find . | /bin/busybox sort; /bin/busybox stat -c "%A %u:%g %n" a.txt a-b pipe; /bin/busybox readlink a/link; [ a.txt -ef hard ] && echo same; cat() { /bin/busybox cat "$@"; }; cat "ä ö/😀"',
        { localDirs: { faithful: { path } } },
      );
    const answer = await run();
    expect(answer.split('\n')).toEqual([
      '.',
      './a',
      './a-b',
      './a-b/y',
      './a.txt',
      './a/link',
      './a/x',
      './empty',
      './hard',
      './pipe',
      './ä ö',
      './ä ö/～',
      './ä ö/😀',
      '-rws--x--x 0:0 a.txt',
      'drwxrwxrwt 0:0 a-b',
      'prw-r--r-- 0:0 pipe',
      '../a.txt',
      'same',
      'emoji',
    ]);
    // The daemon must find nothing to change: making a link again leaves a file of its own behind.
    expect(await run()).toBe(answer);
  });

  test.each<[string, LocalOptions, string[]]>([
    ['include', { includePatterns: ['**/*.go'] }, ['./a/b.go', './f.go', './vendor/g.go']],
    ['exclude', { excludePatterns: ['vendor', '**/*.txt'] }, ['./a/b.go', './f.go', './link', './ä ö']],
    ['both', { includePatterns: ['**/*.go'], excludePatterns: ['**', '!a'] }, ['./a/b.go']],
    ['followed paths', { followPaths: ['link'] }, ['./a/b.go', './a/c.txt', './link']],
    [
      '1,500 patterns',
      { includePatterns: [...Array.from({ length: 1500 }, (_, i) => `${'x'.repeat(50)}${i}`), 'f.go'] },
      ['./f.go'],
    ],
    ['names that are not ASCII', { includePatterns: ['ä ö'] }, ['./ä ö']],
  ])('sends only what %s select', async (_, options, expected) => {
    const path = tree('patterns', {
      'a/b.go': '1',
      'a/c.txt': '2',
      'f.go': '3',
      'vendor/g.go': '4',
      'ä ö': '5',
    });
    if (!existsSync(join(path, 'link'))) symlinkSync('a', join(path, 'link'));
    const answer = await look(
      local('patterns', { ...options, sharedKeyHint: randomUUID() }),
      '/bin/busybox find . ! -type d | /bin/busybox sort',
      {
        localDirs: { patterns: { path } },
      },
    );
    expect(answer.split('\n')).toEqual(expected);
  });

  test('sends nothing again that has not changed, whatever its times are', async () => {
    const path = tree('same', { a: `a ${salt}`, 'b/c': `c ${salt}` });
    const transfers: SessionTransfer[] = [];
    const run = async (): Promise<number> => {
      transfers.length = 0;
      await look(
        local('same'),
        'true',
        { localDirs: { same: { path } } },
        { sharedKey: salt, onTransfer: (t) => transfers.push(t) },
      );
      return transfers.findLast((t) => t.kind === 'send')!.files;
    };
    expect(await run()).toBe(2);
    utimesSync(join(path, 'a'), 1_000_000, 1_000_000);
    expect(await run()).toBe(0);
    writeFileSync(join(path, 'b/c'), `d ${salt}`);
    expect(await run()).toBe(1);
  });

  test('never builds what was there before, though size and time are the same', async () => {
    const path = tree('stale', { file: 'one' });
    utimesSync(join(path, 'file'), 1000, 1000);
    const run = (): Promise<string> =>
      look(
        local('stale'),
        '/bin/busybox cat file',
        { localDirs: { stale: { path } } },
        { sharedKey: salt, cacheDir: join(dir, 'times') },
      );
    expect(await run()).toBe('one');
    writeFileSync(join(path, 'file'), 'two');
    utimesSync(join(path, 'file'), 1000, 1000);
    expect(await run()).toBe('two');
  });

  test('FileSync: sends trees that are not on disk', async () => {
    const path = tree('archive', { file: '0123456789' });
    const files: VirtualFile[] = [
      {
        kind: 'file',
        path: 'deep/part',
        content: { kind: 'file', path: join(path, 'file'), offset: 2, sizeBytes: 3 },
      },
      {
        kind: 'file',
        path: 'memory',
        content: { kind: 'bytes', bytes: Buffer.alloc(3 << 20, 'm') },
        mode: 0o600,
        uid: 12,
        gid: 34,
      },
      { kind: 'symlink', path: 'link', target: 'deep/part' },
    ];
    expect(
      await look(local('virtual'), '/bin/busybox cat link; echo; /bin/busybox stat -c "%a %u %g %s" memory', {
        localDirs: { virtual: { files } },
      }),
    ).toBe('234\n600 12 34 3145728');
  });

  test('fails with what is wrong on this side', async () => {
    await expect(
      look(local('gone'), 'true', { localDirs: { gone: { path: join(dir, 'gone') } } }),
    ).rejects.toMatchObject({
      code: 'SESSION_DIR_MISSING',
      details: { name: 'gone' },
    });
    const failure = new Error('the vault is locked');
    const step = base.run({ args: sh('true'), secrets: [{ id: randomUUID(), dest: '/s' }] }).root;
    await expect(
      client.build({ definition: definitionOf(step), session: { secrets: () => Promise.reject(failure) } }),
    ).rejects.toBe(failure);
  });

  test('Secrets: gives secrets, and says when there is none', async () => {
    const run = (id: string): Promise<unknown> =>
      client.build({
        definition: definitionOf(
          base.run({
            args: sh(`[ "$(/bin/busybox cat /run/s)" = ${salt} ]`),
            secrets: [{ id, dest: '/run/s' }],
            env: { AGAIN: randomUUID() },
            network: 'none',
          }).root,
        ),
        session: { secrets: { [salt]: salt } },
      });
    await run(salt);
    await expect(run('another')).rejects.toThrow(/another/);
  });

  const sshAdd = spawnSync('which', ['ssh-add'], { encoding: 'utf8' }).stdout.trim();

  test.skipIf(sshAdd === '')('SSH: lets a step use SSH keys that it does not see', async () => {
    // The program and its libraries come from this machine, file by file.
    const libraries = execFileSync('ldd', [sshAdd], { encoding: 'utf8' }).match(/\/\S+/g)!;
    const files = [sshAdd, ...libraries].map((path): VirtualFile => {
      const real = realpathSync(path);
      const folder = path.includes('ld-linux') ? 'lib64' : path === sshAdd ? 'bin' : 'lib';
      return {
        kind: 'file',
        path: `${folder}/${basename(path)}`,
        mode: 0o755,
        content: { kind: 'file', path: real, sizeBytes: statSync(real).size },
      };
    });
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const root = local('ssh-add', { sharedKeyHint: 'ssh-add' });
    const step = root.run({
      args: ['/bin/ssh-add', '-l'],
      env: { LD_LIBRARY_PATH: '/lib', AGAIN: randomUUID(), HOME: '/' },
      ssh: [{ id: 'mine' }],
      network: 'none',
    });
    const log: string[] = [];
    await client.build({
      definition: definitionOf(step.root),
      session: {
        localDirs: {
          'ssh-add': {
            files: [
              ...files,
              {
                kind: 'file',
                path: 'etc/passwd',
                content: { kind: 'bytes', bytes: Buffer.from('root:x:0:0::/:/bin/sh\n') },
              },
            ],
          },
        },
        ssh: { mine: { keys: [pem] } },
      },
      onEvent: (event) => {
        if (event.type === 'vertexLog') log.push(Buffer.from(event.bytes).toString());
      },
    });
    expect(log.join('')).toMatch(/^256 SHA256:\S+ melange2 \(ED25519\)/);
  });

  test('Upload: uploads what a build takes from the session by address', async () => {
    const answer = await look(
      http(`http://buildkit-session/${salt}`, { filename: 'upload' }),
      '/bin/busybox wc -c <upload',
      {
        uploads: {
          [salt]: () => Promise.resolve(Readable.from([Buffer.alloc(2_000_000), Buffer.from('end')])),
        },
      },
    );
    expect(answer).toBe('2000003');
  });

  test('Exporter: lets the client choose exporters when the result is known', async ({ task }) => {
    const found: number[] = [];
    const build = client.build({
      definition: definitionOf(base),
      session: {
        sessionExporter: {
          find: (_metadata, refs) => {
            found.push(refs.length);
            return Promise.resolve([{ type: 'image', attrs: { name: `session-exporter:${salt}` } }]);
          },
        },
      },
    });
    if (await lacks(task, client, age, 'exporter.session')) {
      await expect(build).rejects.toMatchObject({ code: 'BUILDKIT_CAPABILITY_MISSING' });
      return;
    }
    const { exporterResponse } = await build;
    expect(found).toEqual([1]);
    expect(exporterResponse.get('containerimage.digest')).toMatch(/^sha256:/);
  });

  test('PolicyVerifier: lets the client decide about each source', async ({ task }) => {
    const served = createServer((request, response) => response.end(`content of ${request.url}`));
    await new Promise<void>((resolve) => {
      served.listen(0, '127.0.0.1', resolve);
    });
    const origin = `http://127.0.0.1:${(served.address() as AddressInfo).port}/${salt}`;
    const asked: SourcePolicyRequest[] = [];
    /** What a file of this name holds when the policy has decided. */
    const builtWith = async (
      name: string,
      decide: (request: SourcePolicyRequest) => SourcePolicyAnswer,
    ): Promise<string> => {
      asked.length = 0;
      const out = join(dir, `policy-${name}`);
      await client.build({
        definition: definitionOf(http(`${origin}/${name}`, { filename: 'file' })),
        session: {
          sourcePolicy: (request) => {
            asked.push(request);
            return Promise.resolve(decide(request));
          },
        },
        exports: [{ kind: 'local', dir: out }],
      });
      return readFileSync(join(out, 'file'), 'utf8');
    };
    try {
      const denied = builtWith('denied', () => ({ action: 'deny', messages: ['not this one'] }));
      if (await lacks(task, client, age, 'source.policy.session')) {
        await expect(denied).rejects.toMatchObject({ code: 'BUILDKIT_CAPABILITY_MISSING' });
        expect(asked).toEqual([]);
        return;
      }
      await expect(denied).rejects.toMatchObject({
        code: 'BUILDKIT_SOLVE_FAILED',
        details: { denyMessages: ['not this one'] },
      });
      await expect(denied).rejects.toThrow(/not allowed by policy: action DENY\. not this one$/);

      const resolved = await builtWith('resolved', ({ digest }) =>
        digest === undefined ? { action: 'resolve' } : { action: 'allow' },
      );
      expect([resolved, asked.map(({ digest }) => digest)]).toEqual([
        `content of /${salt}/resolved`,
        [undefined, `sha256:${hash('sha256', resolved)}`],
      ]);

      const converted = await builtWith('converted', ({ identifier }) =>
        identifier.endsWith('/other')
          ? { action: 'allow' }
          : { action: 'convert', identifier: `${origin}/other`, attrs: { 'http.filename': 'file' } },
      );
      expect(converted).toBe(`content of /${salt}/other`);
    } finally {
      served.close();
    }
  });

  test('is served while the program is busy for longer than a daemon waits', async () => {
    const path = tree('busy', { a: salt });
    const step = base
      .run({
        args: sh('/bin/busybox sleep 2; cp() { /bin/busybox cp "$@"; }; cp /src/a /out/'),
        env: { AGAIN: randomUUID() },
        network: 'none',
        mounts: [
          { kind: 'bind', dest: '/src', source: local('busy', { sharedKeyHint: randomUUID() }) },
          { kind: 'bind', dest: '/out' },
        ],
      })
      .mount('/out');
    const building = client.build({
      definition: definitionOf(step),
      session: { localDirs: { busy: { path } } },
      exports: [{ kind: 'local', dir: join(dir, 'busy-out') }],
    });
    await new Promise((resolve) => {
      setTimeout(resolve, 1000);
    });
    // An old daemon waits for ten seconds, a newer one for forty: that would be a long test.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, age === '0.8' ? 14_000 : 4_000);
    await building;
    expect(existsSync(join(dir, 'busy-out/a'))).toBe(true);
  });
});
