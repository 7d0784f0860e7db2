import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@melange2/buildkit-client';
import { marshal } from '@melange2/llb';
import { describe, expect, inject, test } from 'vitest';
import { busyboxState, sh } from '../harness/busybox.ts';
import { type Finished, melange2, type Melange2Options } from '../harness/melange2.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');

const from = ['-r', world.repository, '-k', world.keyring, '--apk-cache-dir', apkCache];

const recipe = (script: string): string => `package:
  name: sample
  version: "1.0"
environment:
  contents:
    packages: [busybox, tar]
pipeline:
  - runs: |
      # ${randomUUID()}
      ${script}
      mkdir -p melange-out/sample/etc
      echo 1 > melange-out/sample/etc/x
`;

/** What people do with the caches of one daemon. */
function user(address: string): {
  readonly build: (
    script: string,
    mount: string,
    more?: Pick<Melange2Options, 'signal' | 'onStderr'>,
  ) => Promise<Finished>;
  readonly cache: (...args: string[]) => Promise<Finished>;
} {
  const dir = testFolder();
  const env = { MELANGE2_STATE: join(dir, 'state'), BUILDKIT_HOST: address };
  return {
    build: (script, mount, more = {}) => {
      writeFileSync(join(dir, 'sample.yaml'), recipe(script));
      const args = [
        '--arch',
        world.arch,
        '--out-dir',
        join(dir, 'packages'),
        '--cache-mount',
        mount,
        ...from,
      ];
      return melange2(['build', 'sample.yaml', ...args], { cwd: dir, env, ...more });
    },
    cache: (...args) => melange2(['cache', ...args], { cwd: dir, env }),
  };
}

const fill = 'mkdir -m 0700 /opt/kept/sub; echo kept > /opt/kept/sub/file; chmod 0440 /opt/kept/sub/file';

describe.skipIf(daemons.length === 0)('the caches of a daemon', () => {
  test.each(daemons)('are listed, measured and removed by name (BuildKit %s)', async (_, address) => {
    const name = `e2e-${randomUUID()}`;
    const { build, cache } = user(address);
    for (const n of [name, `${name}-b`]) {
      const built = await build('head -c 700000 /dev/zero > /opt/kept/a', `${n}=/opt/kept`);
      expect(built.code, built.stderr).toBe(0);
    }
    const { stdout } = await cache('ls', '--json');
    const mine = (JSON.parse(stdout) as { id: string; target: string; sizeBytes: number }[]).filter((m) =>
      m.id.startsWith(`melange2/${name}/`),
    );
    expect(mine).toMatchObject([{ id: `melange2/${name}/${world.arch}/1000-1000`, target: '/opt/kept' }]);
    expect(mine[0]?.sizeBytes).toBeGreaterThanOrEqual(700_000);
    expect((await cache('du')).stdout).toMatch(new RegExp(`^${name} +70\\d kB$`, 'm'));

    const removed = await cache('rm', name);
    expect(removed.code, removed.stderr).toBe(0);
    expect(removed.stderr).toMatch(/^removed melange2\/.* \(70\d kB\)\n$/);
    const left = (await cache('ls')).stdout;
    expect(left).toContain(`${name}-b `);
    expect(left).not.toContain(`${name} `);
    const again = await cache('rm', name);
    expect(again.code).toBe(2);
    expect(again.stderr).toContain('CACHE_MOUNT_UNKNOWN');
    await cache('rm', `${name}-b`);
  });

  const pairs = daemons.map(([age, address], i) => {
    const [otherAge = '', other = ''] = daemons[(i + 1) % daemons.length] ?? [];
    return [age, otherAge, address, other] as const;
  });
  test.each(pairs)('are carried in a file from BuildKit %s to %s', async (_, _other, address, other) => {
    const name = `e2e-${randomUUID()}`;
    const file = join(testFolder(), 'cache.tar.gz');
    const source = user(address);
    const built = await source.build(fill, `${name}=/opt/kept`);
    expect(built.code, built.stderr).toBe(0);
    const exported = await source.cache('export', name, file, ...from, '--arch', world.arch);
    expect(exported.code, exported.stderr).toBe(0);
    // Any tar reads it.
    expect(execFileSync('tar', ['-xOzf', file, './sub/file'], { encoding: 'utf8' })).toBe('kept\n');
    await source.cache('rm', name);

    const target = user(other);
    const imported = await target.cache('import', file, ...from, '--arch', world.arch);
    expect(imported.code, imported.stderr).toBe(0);
    // Owner and modes came along: the build user can read, and can write beside.
    const check = `[ "$(stat -c '%u:%g %a' /opt/kept/sub)" = '1000:1000 700' ]
      [ "$(stat -c '%u:%g %a' /opt/kept/sub/file)" = '1000:1000 440' ]
      grep kept /opt/kept/sub/file
      echo more > /opt/kept/more`;
    const used = await target.build(check, `${name}=/opt/kept`);
    expect(used.code, used.stderr).toBe(0);
    expect(used.stderr).toContain(`${name} hit`);
    await target.cache('rm', name);
  });

  test.each(daemons)('that a running step has are not removed (BuildKit %s)', async (_, address) => {
    const name = `e2e-${randomUUID()}`;
    const { build, cache } = user(address);
    const stop = new AbortController();
    let removing: Promise<Finished> | undefined;
    const building = build('echo has-$((1 + 1)); sleep 100', `${name}=/opt/kept`, {
      signal: stop.signal,
      onStderr: (text) => {
        if (text.includes('has-2')) removing ??= cache('rm', name).finally(() => stop.abort());
      },
    });
    await building;
    const removed = await removing;
    expect(removed?.code, removed?.stderr).toBe(1);
    expect(removed?.stderr).toContain('CACHE_MOUNT_IN_USE');
    await cache('rm', name);
  });

  test.each(daemons)('of other programs are seen, and not exported (BuildKit %s)', async (_, address) => {
    const path = `/var/cache/${randomUUID()}`;
    const client = await connect(address);
    const state = (await busyboxState()).run({
      args: sh(`echo ${path} > ${path}/file`),
      mounts: [{ kind: 'cache', dest: path, id: path }],
      network: 'none',
    }).root;
    await client.build({ definition: marshal(state, { platform: 'linux/amd64' }) });
    client.close();
    const { cache } = user(address);
    const refused = await cache('export', path, join(testFolder(), 'a.tar'), ...from);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('CACHE_MOUNT_FOREIGN');
    await cache('rm', path);
  });

  test('that are not there, or archives that are none, are refused with nothing written', async () => {
    const [, address = ''] = daemons[0] ?? [];
    const dir = testFolder();
    const { cache } = user(address);
    const missing = await cache('export', 'no-such-cache', join(dir, 'a.tar'), ...from);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('CACHE_MOUNT_UNKNOWN');
    expect(existsSync(join(dir, 'a.tar'))).toBe(false);
    writeFileSync(join(dir, 'b.tar'), 'no tar');
    const wrong = await cache('import', join(dir, 'b.tar'), ...from);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('CACHE_ARCHIVE_INVALID');
    expect(readdirSync(dir)).toEqual(['b.tar']);
  });
});
