import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { testKey, tinyRepository } from '@melange2/testing';
import { describe, expect, inject, test } from 'vitest';
import { type Finished, melange2 } from '../harness/melange2.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = inject('daemons');
const world = inject('world');

/** A plugin that gives every step one cache, below folders that no environment has. */
const plugin = (name: string): string => `export const plugin = () => ({
  name: 'sample-cache',
  apiVersion: 1,
  apply({ hooks }) {
    hooks.modifyCacheMounts.tap('sample-cache', (mounts) => [...mounts, {
      name: ${JSON.stringify(name)},
      target: '/home/build/.cache/deep/sample',
      sharing: 'locked',
      env: { SAMPLE_CACHE: '/home/build/.cache/deep/sample' },
      identity: [],
      plugin: 'sample-cache',
    }]);
  },
});
`;

const user = (uid: number): string => `  accounts:
    groups: [{ groupname: builder, gid: ${uid} }]
    users: [{ username: builder, uid: ${uid}, gid: ${uid} }]
    run-as: builder
`;

const recipe = (script: string, more = ''): string => `package:
  name: sample
  version: "1.0"
environment:
  contents:
    packages: [busybox, tar]
${more}pipeline:
  - runs: |
${script.replaceAll(/^/gm, '      ')}
      mkdir -p melange-out/sample/etc
      echo 1 > melange-out/sample/etc/x
`;

async function build(address: string, cache: string, text: string, args: string[] = []): Promise<Finished> {
  const dir = testFolder();
  mkdirSync(join(dir, 'work'));
  writeFileSync(join(dir, 'work/sample.yaml'), text);
  writeFileSync(join(dir, 'work/cache.mjs'), plugin(cache));
  const all = ['build', 'sample.yaml', '--buildkit', address, '--progress', 'plain', '--arch', world.arch];
  all.push('--out-dir', join(dir, 'packages'), '--apk-cache-dir', join(dir, 'cache'));
  all.push('-r', world.repository, '-k', world.keyring, ...args);
  return melange2(all, { cwd: join(dir, 'work'), env: { MELANGE2_STATE: join(dir, 'state') } });
}

describe.skipIf(Object.keys(daemons).length === 0)('a cache mount', () => {
  test.each(Object.entries(daemons))('outlives the build, for one user alone (%s)', async (_, address) => {
    const cache = `e2e-${randomUUID()}`;
    const with_ = ['--plugin', './cache.mjs'];
    const write = `echo kept > "$SAMPLE_CACHE/file"
mkdir /home/build/.cache/beside /home/build/.cache/deep/beside`;
    const first = await build(address, cache, recipe(write), with_);
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).toMatch(new RegExp(`^  caches: ${cache} fresh, [0-9.]+ k?B$`, 'm'));

    const second = await build(address, cache, recipe('grep kept "$SAMPLE_CACHE/file"'), with_);
    expect(second.code, second.stderr).toBe(0);
    expect(second.stderr).toMatch(new RegExp(`^  caches: ${cache} hit(, [0-9.]+ k?B)?$`, 'm'));

    const fresh = `test ! -e "$SAMPLE_CACHE/file"
echo other > "$SAMPLE_CACHE/file"`;
    const other = await build(address, cache, recipe(fresh, user(1234)), with_);
    expect(other.code, other.stderr).toBe(0);
    expect(other.stderr).toContain(`${cache} fresh`);
    // Root is no exception: what it wrote, nobody else could change.
    const root = await build(address, cache, recipe(fresh, '  accounts:\n    run-as: root\n'), with_);
    expect(root.code, root.stderr).toBe(0);
    const again = await build(address, cache, recipe('echo more >> "$SAMPLE_CACHE/file"'), with_);
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toContain(`${cache} hit`);
  });

  test.each(Object.entries(daemons))(
    'is there for each tool that a step runs, from one build to the next (%s)',
    async (_, address) => {
      // Nothing but the name of ccache's package tells that compilers are to be run through it.
      const key = await testKey();
      const repository = testFolder();
      await tinyRepository(repository, {
        arch: world.arch,
        packages: [{ name: 'ccache', version: `1-r${Date.now()}` }],
        key,
      });
      const args = ['-r', repository, '-k', join(repository, key.keyName)];
      // Of other builds on this daemon nothing may be in the caches: a user has those of its own.
      const uid = 2000 + Math.trunc(Math.random() * 1e6);
      const tools =
        'go version; pip list; npm ls; cargo -V; apk -V; uv -V; composer -V; mvn -v; gradle -v; gem env';
      const folders = [
        '$GOMODCACHE $GOCACHE $PIP_CACHE_DIR $npm_config_cache $CARGO_HOME/registry $CARGO_HOME/git $CCACHE_DIR',
        '/var/cache/apk $UV_CACHE_DIR $COMPOSER_CACHE_DIR $HOME/.m2/repository $GRADLE_USER_HOME/caches',
        '$BUNDLE_USER_CACHE $HOME/.local/share/gem/specs',
      ].join(' ');
      const script = (what: string): string => `if false; then ${tools}; fi
for folder in ${folders}; do
${what}
done`;
      const text = (what: string): string =>
        recipe(script(what), user(uid)).replace('[busybox, tar]', '[busybox, tar, ccache]');
      const first = await build(address, 'unused', text('echo $folder > $folder/file'), args);
      expect(first.code, first.stderr).toBe(0);
      const second = await build(address, 'unused', text('grep -qxF $folder $folder/file'), args);
      expect(second.code, second.stderr).toBe(0);
      const told = (stderr: string): readonly string[] =>
        (/^ {2}caches: (.*)$/m.exec(stderr)?.[1] ?? '')
          .split('; ')
          .map((cache) => cache.replace(/,.*$/, ''))
          .toSorted();
      const names =
        'apk bundle cargo-git cargo-registry ccache composer gem-specs go-build go-mod gradle maven npm pip uv';
      expect(told(first.stderr)).toEqual(names.split(' ').map((name) => `${name} fresh`));
      expect(told(second.stderr)).toEqual(names.split(' ').map((name) => `${name} hit`));
    },
  );

  test.each(Object.entries(daemons))('is told of in every mode of progress (%s)', async (age, address) => {
    const id = `e2e-${randomUUID()}`;
    const mount = ['--cache-mount', `${id}=/opt/kept`];
    const write = (text: string): string => recipe(`head -c 500000 /dev/zero > /opt/kept/${text}`);
    const first = await build(address, 'unused', write('a'), [...mount, '--progress', 'json']);
    expect(first.code, first.stderr).toBe(0);
    const events = first.stdout
      .split('\n')
      .filter((line) => line.includes('"cacheMountUsed"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events).toMatchObject([
      { v: 1, name: id, id: `melange2/${id}/${world.arch}/1000-1000`, target: '/opt/kept', state: 'fresh' },
    ]);
    expect(events[0]?.['sizeBytes']).toBeGreaterThanOrEqual(500_000);
    const second = await build(address, 'unused', write('b'), [...mount, '--progress', 'github']);
    expect(second.code, second.stderr).toBe(0);
    // BuildKit 0.8 measures a mount once.
    const size = age === '0.8' ? '' : ', 1\\.0 MB';
    expect(second.stderr + second.stdout).toMatch(new RegExp(`caches: ${id} hit${size}$`, 'm'));
  });

  test.each(Object.entries(daemons))('is given to no step when none is wanted (%s)', async (_, address) => {
    const args = ['--plugin', './cache.mjs', '--cache-mount', 'other=/opt/other', '--no-cache-mounts'];
    const script = 'test -z "${SAMPLE_CACHE:-}"\ntest ! -e /opt/other';
    const finished = await build(address, 'unused', recipe(script), args);
    expect(finished.code, finished.stderr).toBe(0);
    expect(finished.stderr).not.toContain('  caches:');
  });

  test.each(Object.entries(daemons))(
    'is not there without plugins that ask for it (%s)',
    async (_, address) => {
      const none = await build(
        address,
        'unused',
        recipe('test -z "${SAMPLE_CACHE:-}"\ntest ! -e /home/build/.cache'),
      );
      expect(none.code, none.stderr).toBe(0);
    },
  );
});
