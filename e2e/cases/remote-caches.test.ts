import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { canStartDaemons, type FreshDaemon, startFreshDaemon } from '../harness/fresh-daemon.ts';
import { type Finished, melange2 } from '../harness/melange2.ts';
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
    },
  );
});
