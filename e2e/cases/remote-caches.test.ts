import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { canStartDaemons, type FreshDaemon, startFreshDaemon } from '../harness/fresh-daemon.ts';
import { startGhaService } from '../harness/gha-service.ts';
import { type Finished, melange2, repositoryRoot } from '../harness/melange2.ts';
import { startRefusingRegistry } from '../harness/refusing-registry.ts';
import { startRegistry, type TestRegistry } from '../harness/registry.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = inject('daemons');
const world = inject('world');

const recipe = (script: string, packages = 'busybox, tar'): string => `package:
  name: sample
  version: "1.0"
environment:
  contents:
    packages: [${packages}]
pipeline:
  - name: First
    runs: ${script}
  - name: Second
    runs: |
      mkdir -p melange-out/sample/etc
      echo 1 > melange-out/sample/etc/x
`;

interface Machine {
  readonly dir: string;
  readonly build: (text: string, args?: readonly string[]) => Promise<Finished>;
}

/** A machine with a cache of packages and a record of its own, which builds on the daemon at `address`. */
function machine(address: string, env: Readonly<Record<string, string>> = {}): Machine {
  const dir = testFolder();
  mkdirSync(join(dir, 'work'));
  const build = (text: string, args: readonly string[] = []): Promise<Finished> => {
    writeFileSync(join(dir, 'work/sample.yaml'), text);
    const all = ['build', 'sample.yaml', '--buildkit', address, '--progress', 'plain', '--arch', world.arch];
    // Packages, records and caches lie in the folder of the sources, as they do for users.
    all.push('--apk-cache-dir', 'apks', '-r', world.repository, '-k', world.keyring, ...args);
    return melange2(all, {
      cwd: join(dir, 'work'),
      env: { MELANGE2_STATE: join(dir, 'work/state'), ...env },
    });
  };
  return { dir, build };
}

/** Path of an example of a plugin, in a folder where it finds the packages that it names. */
function examplePlugin(name: string): string {
  const dir = testFolder();
  cpSync(join(repositoryRoot, 'docs/plugins/examples', name, 'src'), join(dir, 'src'), { recursive: true });
  mkdirSync(join(dir, 'node_modules/@melange2'), { recursive: true });
  symlinkSync(join(repositoryRoot, 'packages/plugin-api'), join(dir, 'node_modules/@melange2/plugin-api'));
  writeFileSync(join(dir, 'package.json'), '{"type": "module"}');
  return join(dir, 'src/index.ts');
}

const both = /sample: First CACHED[^]*sample: Second CACHED/;

describe.skipIf(!canStartDaemons)('a cache that one daemon writes saves another one the steps', () => {
  let writer: FreshDaemon;
  let reader: FreshDaemon;
  let registry: TestRegistry;
  beforeAll(async () => {
    [writer, reader, registry] = await Promise.all([
      startFreshDaemon('0.25'),
      startFreshDaemon('0.25'),
      startRegistry(),
    ]);
  });
  afterAll(async () => {
    await Promise.all([writer?.stop(), reader?.stop(), registry?.stop()]);
  });

  /** The environment of a user who is logged in to the registry. */
  function loggedIn(): Readonly<Record<string, string>> {
    const folder = testFolder();
    const auth = Buffer.from(`${registry.username}:${registry.password}`).toString('base64');
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    return { DOCKER_CONFIG: folder };
  }

  test.each(['min', 'max'])('in a folder below the sources, mode=%s', async (mode) => {
    const text = recipe(`echo ${randomUUID()}`);
    const first = machine(writer.address);
    const wrote = await first.build(text, ['--cache-to', `type=local,dest=build-cache,mode=${mode}`]);
    expect(wrote.code, wrote.stderr).toBe(0);
    expect(wrote.stderr).not.toMatch(both);
    const from = ['--cache-from', `type=local,src=${join(first.dir, 'work/build-cache')}`];
    const read = await machine(reader.address).build(text, from);
    expect(read.code, read.stderr).toBe(0);
    expect(read.stderr).toMatch(both);
  });

  test('in a registry, also where other things were built before', async () => {
    const id = randomUUID();
    const ref = `type=registry,ref=${registry.host}/cache:${id}`;
    const text = recipe(`echo ${id}`);
    const wrote = await machine(writer.address, loggedIn()).build(text, ['--cache-to', ref]);
    expect(wrote.code, wrote.stderr).toBe(0);
    const other = machine(reader.address, loggedIn());
    // Leaves a base behind that would serve, and is another one.
    const before = await other.build(recipe(`echo other ${id}`, 'busybox, tar, make'));
    expect(before.code, before.stderr).toBe(0);
    const read = await other.build(text, ['--cache-from', ref]);
    expect(read.code, read.stderr).toBe(0);
    expect(read.stderr).toMatch(both);
  });

  test('with only the last step changed, by the results of all steps', async () => {
    const id = randomUUID();
    const ref = `type=registry,ref=${registry.host}/cache:${id}`;
    const text = recipe(`echo ${id}`);
    const wrote = await machine(writer.address, loggedIn()).build(text, ['--cache-to', ref]);
    expect(wrote.code, wrote.stderr).toBe(0);
    const changed = text.replace('echo 1 >', 'echo 2 >');
    const read = await machine(reader.address, loggedIn()).build(changed, ['--cache-from', ref]);
    expect(read.code, read.stderr).toBe(0);
    expect(read.stderr).toContain('sample: First CACHED');
    expect(read.stderr).not.toContain('sample: Second CACHED');
  });

  test('on a server that a plugin talks to', async () => {
    const files = new Map<string, Buffer>();
    const server = createServer((asked, response) => {
      const path = asked.url ?? '';
      if (asked.method !== 'PUT') {
        const found = files.get(path);
        return void response.writeHead(found === undefined ? 404 : 200).end(found);
      }
      void buffer(asked).then((bytes) => {
        files.set(path, bytes);
        response.writeHead(201).end();
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    try {
      const spec = `type=http,url=http://127.0.0.1:${(server.address() as AddressInfo).port}/team`;
      const plugin = ['--plugin', examplePlugin('melange2-cache-http')];
      const text = recipe(`echo ${randomUUID()}`);
      const first = machine(writer.address);
      const wrote = await first.build(text, [...plugin, '--cache-from', spec, '--cache-to', spec]);
      expect(wrote.code, wrote.stderr).toBe(0);
      expect(wrote.stderr).not.toContain('warning');
      expect([...files.keys()].at(-1)).toBe('/team/index.json');
      const read = await machine(reader.address).build(text, [...plugin, '--cache-from', spec]);
      expect(read.code, read.stderr).toBe(0);
      expect(read.stderr).toMatch(both);
      // Folders that stood for the cache are gone.
      const left = readdirSync(join(first.dir, 'work/state'), { recursive: true }).map(String);
      expect(left.filter((path) => path.includes('/cache-'))).toEqual([]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
    const gone = `type=http,url=http://127.0.0.1:1/team`;
    const plugin = ['--plugin', examplePlugin('melange2-cache-http')];
    const without = await machine(reader.address).build(recipe(`echo ${randomUUID()}`), [
      ...plugin,
      '--cache-from',
      gone,
      '--cache-to',
      gone,
    ]);
    expect(without.code, without.stderr).toBe(0);
    expect(without.stderr).toContain('warning: The cache of type http was not read: ');
    expect(without.stderr).toContain("warning: The build's cache of type http was not written: ");
  });

  test('in the cache that GitHub gives to its runners', async () => {
    const service = await startGhaService();
    try {
      const env = { ACTIONS_CACHE_URL: service.url, ACTIONS_RUNTIME_TOKEN: service.token };
      const text = recipe(`echo ${randomUUID()}`);
      const wrote = await machine(writer.address, env).build(text, ['--cache-to', 'type=gha,scope=e2e']);
      expect(wrote.code, wrote.stderr).toBe(0);
      expect(wrote.stderr).not.toContain('warning');
      expect(service.entries.size).toBeGreaterThan(0);
      const read = await machine(reader.address, env).build(text, ['--cache-from', 'type=gha,scope=e2e']);
      expect(read.code, read.stderr).toBe(0);
      expect(read.stderr).toMatch(both);
    } finally {
      service.stop();
    }
  });

  test('several are written and read at once; those that cannot be are warnings', async () => {
    const id = randomUUID();
    const text = recipe(`echo ${id}`);
    const first = machine(writer.address, loggedIn());
    const ref = `type=registry,ref=${registry.host}/cache:${id}`;
    const to = ['--cache-to', ref, '--cache-to', 'type=local,dest=build-cache'];
    const wrote = await first.build(text, [...to, '--cache-to', 'type=nonsense,x=y']);
    expect(wrote.code, wrote.stderr).toBe(0);
    expect(wrote.stderr).toContain(
      "warning: The build's cache of type nonsense was not written: unknown cache exporter",
    );
    expect(existsSync(join(first.dir, 'work/build-cache/index.json'))).toBe(true);
    const from = [`type=registry,ref=${registry.host}/none:x`, 'type=nonsense,x=y', ref];
    const read = await machine(reader.address, loggedIn()).build(
      text,
      from.flatMap((spec) => ['--cache-from', spec]),
    );
    expect(read.code, read.stderr).toBe(0);
    expect(read.stderr).toMatch(both);
    expect(read.stderr).toMatch(/warning: The cache .*\/none:x was not read: /);
    expect(read.stderr).not.toMatch(/FAILED|\d failed/);
  });
});

describe.skipIf(Object.keys(daemons).length === 0)('a cache that cannot be written', () => {
  test.each(
    Object.entries(daemons).flatMap(([age, address]) =>
      [401, 500].map((status) => [age, status, address] as const),
    ),
  )(
    'is a warning, and no step runs twice (BuildKit %s, a registry that answers %i)',
    async (age, status, address) => {
      const registry = await startRefusingRegistry(status);
      try {
        const id = randomUUID();
        const { build, dir } = machine(address);
        const to = ['--cache-to', `type=registry,ref=${registry.host}/cache:x`];
        const finished = await build(recipe(`echo said ${id}`), to);
        expect(finished.code, finished.stderr).toBe(0);
        expect(finished.stderr).toContain('cache');
        expect(finished.stderr).toContain('was not written');
        expect(finished.stderr.split(`| said ${id}`)).toHaveLength(2);
        expect(existsSync(join(dir, 'work/packages', world.arch, 'sample-1.0-r0.apk'))).toBe(true);
        // Engines of that age know no caches in registries, and say so before they try.
        if (age !== '0.8') expect(registry.asked.length).toBeGreaterThan(0);
      } finally {
        await registry.stop();
      }
    },
  );

  test.each(Object.entries(daemons).filter(([age]) => age !== '0.8'))(
    'for too many requests shows the limits, the account and the stanza for a mirror (BuildKit %s)',
    async (_, address) => {
      const registry = await startRefusingRegistry(429, {
        'ratelimit-limit': '100;w=21600',
        'ratelimit-remaining': '0;w=21600',
        'retry-after': '1',
      });
      try {
        const ref = `type=registry,ref=${registry.host}/cache:x`;
        const { build } = machine(address);
        const finished = await build(recipe(`echo ${randomUUID()}`), [
          '--cache-to',
          ref,
          '--cache-from',
          ref,
        ]);
        expect(finished.code, finished.stderr).toBe(0);
        const limits = '100 requests in 6 h, 0 left, again in 1 s; asked anonymously';
        expect(finished.stderr).toMatch(new RegExp(`was not read: [^]*${limits}`));
        expect(finished.stderr).toMatch(new RegExp(`was not written: [^]*${limits}`));
        expect(finished.stderr).toContain(`[registry."${registry.host}"]`);
      } finally {
        await registry.stop();
      }
    },
  );

  test.each(Object.entries(daemons).filter(([age]) => age !== '0.8'))(
    'since its registry says nothing, from the first or in the middle, holds no build up (BuildKit %s)',
    async (_, address) => {
      const silent = await startRefusingRegistry('silent');
      const stuck = await startRefusingRegistry('silentUploads');
      try {
        const spec = `type=registry,ref=${silent.host}/cache:x,timeout=1`;
        const { build } = machine(address);
        const text = recipe(`echo ${randomUUID()}`);
        const first = await build(text, ['--cache-from', spec, '--cache-to', spec]);
        expect(first.code, first.stderr).toBe(0);
        expect(first.stderr).toContain(
          `warning: The cache ${silent.host}/cache:x was not read: its registry`,
        );
        expect(first.stderr).toContain(
          `warning: The cache ${silent.host}/cache:x was not written: its registry`,
        );
        const to = ['--cache-to', `type=registry,ref=${stuck.host}/cache:x,timeout=3`];
        const second = await build(recipe(`echo ${randomUUID()}`), to);
        expect(second.code, second.stderr).toBe(0);
        expect(second.stderr).toContain('was not written: nothing was heard for 3 s');
        expect(second.stderr).toContain('\nBuilt sample-1.0-r0');
      } finally {
        await silent.stop();
        await stuck.stop();
      }
    },
  );

  test.each(Object.entries(daemons))(
    'for want of an account in a cloud is a warning without the keys (BuildKit %s)',
    async (_, address) => {
      const { build, dir } = machine(address, { ACTIONS_RUNTIME_TOKEN: 'not-a-token-at-all' });
      const s3 = 'type=s3,bucket=b,region=r,access_key_id=id,secret_access_key=very-secret-key';
      const to = ['--cache-to', 'type=gha,url=http://127.0.0.1:1/', '--cache-to', s3];
      const finished = await build(recipe(`echo ${randomUUID()}`), [...to, '--trace', join(dir, 'trace')]);
      expect(finished.code, finished.stderr).toBe(0);
      const all = finished.stdout + finished.stderr + readFileSync(join(dir, 'trace'), 'utf8');
      expect(all).toMatch(/cache of type (gha|s3) was not written/);
      expect(all).not.toMatch(/not-a-token-at-all|very-secret-key/);
      // Neither in the record of the build, nor anywhere else.
      const kept = spawnSync('grep', ['-rlE', 'not-a-token-at-all|very-secret-key', dir], {
        encoding: 'utf8',
      });
      expect([kept.stdout, kept.status]).toEqual(['', 1]);
    },
  );
});
