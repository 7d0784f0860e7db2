import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { type Finished, melange2, repositoryRoot } from '../harness/melange2.ts';
import { onTerminal } from '../harness/on-terminal.ts';
import { startRegistry } from '../harness/registry.ts';
import { testFolder, testKey } from '../harness/test-folder.ts';
import { cacheDir } from '../world/cache-dir.ts';

const daemons = inject('daemons');
const world = inject('world');
/** The docker program that came with the oldest engine; it talks to all of them. */
const docker = ((): string | undefined => {
  const base = join(cacheDir(), 'daemons/bookworm');
  if (!existsSync(join(base, 'current'))) return undefined;
  const path = join(base, readFileSync(join(base, 'current'), 'utf8'), 'usr/bin/docker');
  return existsSync(path) ? path : undefined;
})();
const engines = Object.entries(daemons).filter(([, address]) => address.startsWith('docker+unix://'));
const from = ['-r', world.repository, '-k', world.keyring];

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

const failingOnce = recipe(`  - name: Works
    runs: echo fine
  - name: Breaks
    working-directory: sub
    environment:
      COLOUR: blue
    runs: |
      greet() { echo hello; }
      test "$(greet 2>&1)" = hello
      cat /proc/sys/kernel/random/uuid > left-behind
      frobnicate --now`);

/** Runs another command on the builds of a test. */
async function later(dir: string, address: string, args: readonly string[]): Promise<Finished> {
  const env = { MELANGE2_STATE: join(dir, 'state'), BUILDKIT_HOST: address };
  return melange2(args, { cwd: dir, env });
}

/** Builds a text in `dir`, with a state and an apk cache of its own. */
async function build(
  dir: string,
  address: string,
  text: string,
  args: readonly string[] = from,
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
    const finished = await build(dir, address, failing, [...to, ...from]);
    expect(finished.code, finished.stderr).toBe(1);
    const read = (path: string): string => execFileSync('tar', ['-xOf', ref, path], { encoding: 'utf8' });
    expect(read('home/build/left-behind')).toBe('written\n');
    expect(read('melange2/failed-step.sh')).toContain('frobnicate --now');
    expect(readdirSync(dir).filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  test.runIf(docker !== undefined).each(engines)(
    'runs in a Docker engine as the step did (%s)',
    async (_, address) => {
      const dir = testFolder();
      const ref = `melange2-test-${randomUUID()}:failed`;
      const host = address.replace('docker+', '');
      mkdirSync(join(dir, 'work'));
      writeFileSync(join(dir, 'work/sample.yaml'), failingOnce);
      const args = ['build', 'sample.yaml', '--buildkit', address, '--arch', world.arch, ...from];
      const to = [
        '--export-on-failure',
        'docker',
        '--export-ref',
        ref,
        '--apk-cache-dir',
        join(dir, 'cache'),
      ];
      const finished = await melange2([...args, ...to], {
        cwd: join(dir, 'work'),
        env: { MELANGE2_STATE: join(dir, 'state'), DOCKER_HOST: host },
      });
      expect(finished.code, finished.stderr).toBe(1);
      expect(finished.stderr).toContain(`enter it with: docker run --rm -it ${ref}`);
      const engine = (...command: string[]): string =>
        execFileSync(docker ?? '', ['-H', host, ...command], { encoding: 'utf8', stdio: 'pipe' });
      const look = 'pwd; id -u; echo $COLOUR; wc -c < left-behind; /melange2/failed-step.sh 2>&1 | tail -n 1';
      const ran = engine('run', '--rm', '--network', 'none', ref, '/bin/sh', '-c', look);
      engine('rmi', ref);
      expect(ran.split('\n').slice(0, 4)).toEqual(['/home/build/sub', '1000', 'blue', '37']);
      expect(ran).toMatch(/frobnicate: not found\n$/);
    },
  );

  test.each(Object.entries(daemons))('is pushed to a registry (%s)', async (_, address) => {
    const registry = await startRegistry('open');
    onTestFinished(() => registry.stop());
    const dir = testFolder();
    const ref = `${registry.host}/failed:latest`;
    const to = ['--export-on-failure', 'registry', '--export-ref', ref];
    const finished = await build(dir, address, failingOnce, [...from, ...to]);
    expect(finished.code, finished.stderr).toBe(1);
    const base = `http://${registry.host}/v2/failed`;
    const accept = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = (await (await fetch(`${base}/manifests/latest`, { headers: { accept } })).json()) as {
      config: { digest: string };
      layers: { digest: string }[];
    };
    const image = (await (await fetch(`${base}/blobs/${manifest.config.digest}`)).json()) as {
      config: { User: string; WorkingDir: string; Env: string[]; Labels: Record<string, string> };
    };
    const { User, WorkingDir, Env, Labels } = image.config;
    expect([User, WorkingDir, Labels['melange2.step']]).toEqual(['1000:1000', '/home/build/sub', 'Breaks']);
    expect(Env).toContain('COLOUR=blue');
    const layer = join(dir, 'layer.tar.gz');
    const blob = await fetch(`${base}/blobs/${manifest.layers[0]?.digest}`);
    writeFileSync(layer, Buffer.from(await blob.arrayBuffer()));
    const read = (path: string): string => execFileSync('tar', ['-xzOf', layer, path], { encoding: 'utf8' });
    expect(read('home/build/sub/left-behind')).toHaveLength(37);
    expect(read('melange2/failed-step.sh')).toContain('frobnicate --now');
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

describe.skipIf(Object.keys(daemons).length === 0)('a loud step that fails', () => {
  test.each(Object.entries(daemons))('leaves its whole output (%s)', async (_, address) => {
    const dir = testFolder();
    const lines = 60_000;
    const text = recipe(`  - name: Loud
    runs: |
      : ${randomUUID()}
      echo "run $(cat /proc/sys/kernel/random/uuid)"
      i=0
      while [ $i -lt ${lines} ]; do i=$((i+1)); echo "line $i of very many lines that a step prints"; done
      exit 3`);
    const finished = await build(dir, address, text);
    expect(finished.code, finished.stderr.slice(-2000)).toBe(1);
    const count = (output: string): number => new Set(output.match(/^line \d+ of.*prints$/gm)).size;
    const { stdout } = await later(dir, address, ['log']);
    expect(finished.stderr).toContain('output clipped');
    expect(count(stdout)).toBe(lines);
    // It is what that run printed: another one would have another number.
    expect(stdout.split('\n')[0]).toBe(/\| (run [0-9a-f-]{36})/.exec(finished.stderr)?.[1]);
  });
});

describe.skipIf(Object.keys(daemons).length === 0)('a step of an earlier build', () => {
  test.each(Object.entries(daemons))('can be entered, and is kept as it was (%s)', async (_, address) => {
    const dir = testFolder();
    expect((await build(dir, address, failingOnce)).code).toBe(1);
    const look = ['shell', '-c', 'pwd; id -u; echo $COLOUR; cat left-behind'];
    const first = await later(dir, address, look);
    expect(first.stdout.split('\n').slice(0, 3), first.stderr).toEqual(['/home/build/sub', '1000', 'blue']);
    // Another run of the step would have left another number.
    expect((await later(dir, address, look)).stdout).toBe(first.stdout);
    expect((await later(dir, address, ['shell', '-c', 'exit 9'])).code).toBe(9);
    const before = await later(dir, address, ['shell', '--before', 'Breaks', '-c', 'ls -A; echo $COLOUR']);
    expect(before.stdout, before.stderr).toBe('blue\n');
    const root = await later(dir, address, ['shell', '--step', 'Works', '--root', '-c', 'id -u; pwd']);
    expect(root.stdout, root.stderr).toBe('0\n/home/build\n');
  });

  test.each(Object.entries(daemons))('shows its commands without a new build (%s)', async (_, address) => {
    const dir = testFolder();
    expect((await build(dir, address, failingOnce)).code).toBe(1);
    const { stdout, stderr } = await later(dir, address, ['log', '--trace']);
    // The trace does not get into what the script takes from its own errors.
    expect(stdout, stderr).toMatch(/^\+ test hello '?='? hello$/m);
    expect(stdout, stderr).toContain('+ frobnicate --now\n');
    const works = await later(dir, address, ['log', '--trace', 'sample', 'Works']);
    expect(works.stdout, works.stderr).toBe('+ echo fine\nfine\n+ exit 0\n');
    expect((await later(dir, address, ['log'])).stdout).not.toContain('+ frobnicate');
    const again = await build(dir, address, failingOnce, [...from, '--debug']);
    expect(again.stderr).toContain('Works CACHED');
    expect(again.stderr).toContain('| + frobnicate --now');
  });

  test.each(Object.entries(daemons))('is found among others of its name (%s)', async (_, address) => {
    const dir = testFolder();
    const named = (script: string): string => `  - name: Same\n    runs: ${script}\n`;
    const text = recipe(`${named(`echo ${randomUUID()}`)}${named('echo two > file; exit 3')}`);
    expect((await build(dir, address, text)).code).toBe(1);
    expect((await later(dir, address, ['shell', '-c', 'cat file'])).stdout).toBe('two\n');
    expect((await later(dir, address, ['log', '--trace'])).stdout).toContain('+ exit 3\n');
  });

  test.each(Object.entries(daemons))(
    'is entered on a terminal as soon as it failed (%s)',
    async (_, address) => {
      const dir = testFolder();
      mkdirSync(join(dir, 'work'));
      writeFileSync(join(dir, 'work/sample.yaml'), failingOnce);
      const program = join(repositoryRoot, 'node_modules/.bin/melange2');
      const args = ['build', 'sample.yaml', '--arch', world.arch, '--apk-cache-dir', join(dir, 'cache')];
      const seen = await onTerminal([program, ...args, ...from], {
        cwd: join(dir, 'work'),
        env: { MELANGE2_STATE: join(dir, 'state'), BUILDKIT_HOST: address },
        answers: [
          ['[y/N]', 'y\n'],
          ['exit" ends', 'wc -c left-behind; echo $COLOUR-$((40+2)); stty size\n'],
          ['blue-42', 'exit\n'],
        ],
      });
      expect(seen.text).toContain('37 left-behind');
      // A daemon that has to run the step again for that does so when it is wanted, and tells nothing twice.
      expect(seen.text.split('[y/N]')[0]).not.toContain('once more');
      expect(seen.text.match(/sample: Works/g)).toHaveLength(1);
      expect(seen.text).toContain('24 80');
      expect(seen.code, seen.text).toBe(1);
    },
  );
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
    const tampered = ['-r', join(dir, 'repository'), '-k', world.keyring];
    const finished = await build(dir, address, failing, tampered);
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
