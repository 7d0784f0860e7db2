import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { type Finished, melange2 } from '../harness/melange2.ts';
import { testFolder, testKey } from '../harness/test-folder.ts';

const daemons = inject('daemons');
const world = inject('world');

const recipe = (steps: string): string => `package:
  name: sample
  version: "1.0"
environment:
  contents:
    packages: [busybox, tar]
pipeline:
${steps}
`;

const failing = recipe(`  - name: Works
    runs: echo fine
  - name: Breaks
    runs: |
      echo written > left-behind
      frobnicate --now`);

/** Builds a text in `dir`, with a state and an apk cache of its own. */
async function build(
  dir: string,
  address: string,
  text: string,
  args: readonly string[] = ['-r', world.repository, '-k', world.keyring],
): Promise<Finished> {
  mkdirSync(join(dir, 'work'), { recursive: true });
  writeFileSync(join(dir, 'work/sample.yaml'), text);
  const all = ['build', 'sample.yaml', '--buildkit', address, '--progress', 'plain', '--arch', world.arch];
  all.push('--out-dir', join(dir, 'packages'), '--apk-cache-dir', join(dir, 'cache'), ...args);
  return melange2(all, { cwd: join(dir, 'work'), env: { MELANGE2_STATE: join(dir, 'state') } });
}

function files(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir, { recursive: true }).map(String) : [];
}

describe.skipIf(Object.keys(daemons).length === 0)('what a step leaves', () => {
  test.each(Object.entries(daemons))('is exported after the command that failed (%s)', async (_, address) => {
    const dir = testFolder();
    const ref = join(dir, 'failed.tar');
    const to = ['--export-on-failure', 'tarball', '--export-ref', `${ref},type=tar`];
    const finished = await build(dir, address, failing, [...to, '-r', world.repository, '-k', world.keyring]);
    expect(finished.code, finished.stderr).toBe(1);
    const read = (path: string): string => execFileSync('tar', ['-xOf', ref, path], { encoding: 'utf8' });
    expect(read('home/build/left-behind')).toBe('written\n');
    expect(read('melange2/failed-step.sh')).toContain('frobnicate --now');
    expect(readdirSync(dir).filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  test.each(Object.entries(daemons))('is its whole output, cached or not (%s)', async (_, address) => {
    const lines = 60_000;
    const text = recipe(`  - name: Talks
    runs: |
      i=0
      while [ $i -lt ${lines} ]; do echo "line $i of very many lines that a step prints"; i=$((i+1)); done
      mkdir -p melange-out/sample/etc
      echo 1 > melange-out/sample/etc/x`);
    for (const round of ['first', 'cached']) {
      const dir = testFolder();
      const finished = await build(dir, address, text);
      expect(finished.code, `${round}: ${finished.stderr.slice(-2000)}`).toBe(0);
      const log = files(join(dir, 'state')).find((file) => file.endsWith('-Talks.log')) ?? '';
      const written = readFileSync(join(dir, 'state', log), 'utf8').split('\n');
      expect(written.length - 1, round).toBe(lines);
    }
  });
});

describe.skipIf(Object.keys(daemons).length === 0)('what is not as it was signed', () => {
  const [address = ''] = Object.values(daemons);

  test('is refused: a tampered package, of which the cache holds nothing', async () => {
    const dir = testFolder();
    cpSync(world.repository, join(dir, 'repository'), { recursive: true });
    const folder = join(dir, 'repository', world.arch);
    const name = readdirSync(folder).find((file) => /^busybox-\d.*\.apk$/.test(file)) ?? '';
    const bytes = readFileSync(join(folder, name));
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 0xff;
    writeFileSync(join(folder, name), bytes);
    const from = ['-r', join(dir, 'repository'), '-k', world.keyring];
    const finished = await build(dir, address, failing, from);
    expect(finished.code, finished.stderr).toBe(1);
    expect(finished.stderr).toMatch(/error (APK|ENVIRONMENT|GZIP)_[A-Z_]+/);
    expect(finished.stderr).toContain('busybox');
    expect(files(join(dir, 'cache')).filter((path) => path.includes(name.replace('.apk', '')))).toEqual([]);
  });

  test('is refused: an index that another key signed', async () => {
    const dir = testFolder();
    const key = await testKey(dir);
    const finished = await build(dir, address, failing, ['-r', world.repository, '-k', `${key}.pub`]);
    expect(finished.code, finished.stderr).toBe(1);
    expect(finished.stderr).toMatch(/error SIGNATURE_[A-Z_]+/);
  });
});
