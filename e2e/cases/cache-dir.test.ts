import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { type Finished, melange2 } from '../harness/melange2.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');

const recipe = (pipeline: string): string => `package:
  name: sample
  version: "1.0"
environment:
  contents:
    packages: [busybox, tar]
pipeline:
${pipeline}
  - runs: |
      # ${randomUUID()}
      mkdir -p melange-out/sample/etc
      echo 1 > melange-out/sample/etc/x
`;

const step = (script: string): string => `  - runs: |\n${script.replaceAll(/^/gm, '      ')}`;

/** Builds in `dir`, with no cache mounts: what steps keep is in the cache folder or lost. */
async function build(dir: string, address: string, text: string, args: readonly string[]): Promise<Finished> {
  mkdirSync(join(dir, 'work'), { recursive: true });
  writeFileSync(join(dir, 'work/sample.yaml'), text);
  const all = ['build', 'sample.yaml', '--buildkit', address, '--progress', 'plain', '--arch', world.arch];
  all.push('--out-dir', join(dir, 'packages'), '--apk-cache-dir', inject('apkCache'), '--no-cache-mounts');
  all.push('-r', world.repository, '-k', world.keyring, ...args);
  return melange2(all, { cwd: join(dir, 'work'), env: { MELANGE2_STATE: join(dir, 'state') } });
}

describe.skipIf(daemons.length === 0)('the cache folder', () => {
  test.each(daemons)(
    'is made, gets what steps leave, and gives it to the next build (%s)',
    async (_, address) => {
      const dir = testFolder();
      const cache = join(dir, 'new/cache');
      const write = `mkdir -p /var/cache/melange/deep
echo kept > /var/cache/melange/deep/file
chmod 0755 /var/cache/melange/deep/file
ln -s file /var/cache/melange/deep/link`;
      const first = await build(dir, address, recipe(step(write)), ['--cache-dir', cache]);
      expect(first.code, first.stderr).toBe(0);
      expect(readFileSync(join(cache, 'deep/link'), 'utf8')).toBe('kept\n');
      const read = `grep kept /var/cache/melange/deep/link
[ -x /var/cache/melange/deep/file ]
echo changed > /var/cache/melange/deep/file`;
      const second = await build(dir, address, recipe(step(read)), ['--cache-dir', cache]);
      expect(second.code, second.stderr).toBe(0);
      expect(readFileSync(join(cache, 'deep/file'), 'utf8')).toBe('changed\n');
      expect(readdirSync(cache, { recursive: true }).map(String).toSorted()).toEqual([
        'deep',
        'deep/file',
        'deep/link',
      ]);
    },
  );

  test.each(daemons)('is left as it was by a build that fails (%s)', async (_, address) => {
    const dir = testFolder();
    const cache = join(dir, 'cache');
    mkdirSync(cache);
    writeFileSync(join(cache, 'file'), 'before');
    const text = recipe(step('echo after > /var/cache/melange/file\nexit 3'));
    const failed = await build(dir, address, text, ['--cache-dir', cache]);
    expect(failed.code).toBe(1);
    expect(readdirSync(cache)).toEqual(['file']);
    expect(readFileSync(join(cache, 'file'), 'utf8')).toBe('before');
  });

  test.each(daemons)(
    'gets sources that the daemon downloads, so the next build needs no network (%s)',
    async (_, address) => {
      const source = `source ${randomUUID()}`;
      const sum = createHash('sha256').update(source).digest('hex');
      const server = createServer((_request, response) => response.end(source));
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve);
      });
      const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/source.txt`;
      const fetch = `  - uses: fetch
    with:
      uri: ${uri}
      expected-sha256: ${sum}
      extract: false`;
      const dir = testFolder();
      const cache = join(dir, 'cache');
      try {
        const first = await build(dir, address, recipe(fetch), ['--cache-dir', cache]);
        expect(first.code, first.stderr).toBe(0);
      } finally {
        server.closeAllConnections();
        server.close();
      }
      expect(readFileSync(join(cache, `sha256:${sum}`), 'utf8')).toBe(source);
      for (const [age, other] of daemons) {
        const text = recipe(`${fetch}\n${step('grep "^source " source.txt')}`);
        const again = await build(dir, other, text, ['--cache-dir', cache]);
        expect(again.code, `${age}: ${again.stderr}`).toBe(0);
      }
    },
  );

  test('is ./melange-cache when that is there, and is not made otherwise', async () => {
    const [, address = ''] = daemons[0] ?? [];
    const write = recipe(step('echo kept > /var/cache/melange/file'));
    const without = testFolder();
    expect((await build(without, address, write, [])).code).toBe(0);
    expect(existsSync(join(without, 'work/melange-cache'))).toBe(false);
    const dir = testFolder();
    mkdirSync(join(dir, 'work/melange-cache'), { recursive: true });
    const built = await build(dir, address, write, []);
    expect(built.code, built.stderr).toBe(0);
    expect(readFileSync(join(dir, 'work/melange-cache/file'), 'utf8')).toBe('kept\n');
  });
});
