import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { dockerEngine } from '../harness/docker-engine.ts';
import { type Finished, melange2 } from '../harness/melange2.ts';
import { startRefusingRegistry } from '../harness/refusing-registry.ts';
import { startRegistry } from '../harness/registry.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const engines = daemons.filter(([, address]) => address.startsWith('docker+unix://'));
const world = inject('world');

const recipe = (script: string): string => `package:
  name: sample
  version: "1.0"
environment:
  contents:
    packages: [busybox, tar]
  environment:
    COLOR: green
pipeline:
  - name: Makes
    runs: |
      ${script}
`;

const makes = 'echo made > file; chmod 4755 file; ln file hard; ln -s file link; mkdir -p melange-out/sample';

/** Runs a command on a build file in a folder of its own. */
async function run(
  command: 'export' | 'build',
  address: string,
  text: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished & { readonly dir: string }> {
  const dir = testFolder();
  mkdirSync(join(dir, 'work'));
  writeFileSync(join(dir, 'work/sample.yaml'), text);
  const all = [command, 'sample.yaml', '--buildkit', address, '--progress', 'plain', '--arch', world.arch];
  all.push('--apk-cache-dir', inject('apkCache'), '-r', world.repository, '-k', world.keyring, ...args);
  const finished = await melange2(all, {
    cwd: join(dir, 'work'),
    env: { MELANGE2_STATE: join(dir, 'state'), ...env },
  });
  return { ...finished, dir: join(dir, 'work') };
}

/** A folder with Docker's configuration for these accounts. */
function dockerConfig(host: string, username: string, password: string): Readonly<Record<string, string>> {
  const folder = testFolder();
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
  return { DOCKER_CONFIG: folder };
}

const look = ['sh', '-c', 'id -u; pwd; echo $COLOR; ls -l file hard link | cut -c1-10; cat link'];
const looked = '1000\n/home/build\ngreen\n-rwsr-xr-x\n-rwsr-xr-x\nlrwxrwxrwx\nmade\n';

describe.skipIf(engines.length === 0)('what a build left, as an image', () => {
  test.each(engines)('is loaded into a Docker engine and runs (BuildKit %s)', async (_, address) => {
    const engine = dockerEngine(address);
    const image = `e2e-${randomUUID()}:made`;
    const to = ['--to', 'docker', '--ref', image];
    const { code, stderr, stdout } = await run('export', address, recipe(makes), to, {
      DOCKER_HOST: engine.host,
    });
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(new RegExp(`^the Docker engine, as ${image}@sha256:[0-9a-f]{64}\n$`));
    expect(await engine.run(image, look)).toBe(looked);
  });

  test.each(engines)('is written as an archive that engines load (BuildKit %s)', async (_, address) => {
    const engine = dockerEngine(address);
    const image = `e2e-${randomUUID()}:made`;
    for (const to of [
      ['--to', 'docker', '--ref', `${image},dest=image.tar`],
      ['--to', 'tarball', '--ref', `image.tar,name=${image}-oci`],
    ]) {
      const { code, stderr, dir } = await run('export', address, recipe(makes), to);
      expect(code, stderr).toBe(0);
      expect(readdirSync(dir).toSorted()).toEqual(['image.tar', 'sample.yaml']);
      await engine.load(createReadStream(join(dir, 'image.tar')));
    }
    expect(await engine.run(image, look)).toBe(looked);
    expect(await engine.run(`${image}-oci`, look)).toBe(looked);
  });

  test.each(
    engines.flatMap(([age, address]) =>
      (['open', 'basic', 'token'] as const).map((kind) => [kind, age, address] as const),
    ),
  )('is pushed to a registry (%s) and pulled from it (BuildKit %s)', async (kind, _, address) => {
    const registry = await startRegistry(kind);
    const { host, username, password } = registry;
    try {
      const image = `${host}/team/sample:1`;
      const env = kind === 'open' ? {} : dockerConfig(host, username, password);
      const { code, stderr } = await run(
        'export',
        address,
        recipe(makes),
        ['--to', 'registry', '--ref', image],
        env,
      );
      expect(code, stderr).toBe(0);
      const engine = dockerEngine(address);
      await engine.pull(image, kind === 'open' ? undefined : { username, password });
      expect(await engine.run(image, look)).toBe(looked);
    } finally {
      await registry.stop();
    }
  });

  test.each(engines)(
    'is the same for an environment, whatever the daemon (BuildKit %s)',
    async (_, address) => {
      const engine = dockerEngine(address);
      const image = `e2e-${randomUUID()}:env`;
      const digests = new Map<string, string | undefined>();
      for (const [age, other] of daemons) {
        // What other tests have built before from the same cache of packages changes the layers, not the files.
        const to = ['--to', 'docker', '--ref', image, '--state', 'environment'];
        const { code, stderr, stdout } = await run('export', other, recipe('exit 9'), to, {
          DOCKER_HOST: engine.host,
        });
        expect(code, stderr).toBe(0);
        digests.set(age, /sha256:[0-9a-f]+/.exec(stdout)?.[0]);
      }
      const [first] = digests.values();
      expect(first).toMatch(/^sha256:/);
      expect(Object.fromEntries(digests)).toEqual(Object.fromEntries(daemons.map(([age]) => [age, first])));
      expect(
        await engine.run(image, [
          'sh',
          '-c',
          'id -u; pwd; echo $COLOR; test -e /home/build/file || echo none',
        ]),
      ).toBe('1000\n/\ngreen\nnone\n');
    },
  );
});

describe.skipIf(daemons.length === 0)('what a build left', () => {
  test.each(daemons)('is written as plain files and as a folder (BuildKit %s)', async (_, address) => {
    const tar = await run('export', address, recipe(makes), [
      '--to',
      'tarball',
      '--ref',
      'made.tar,type=tar',
    ]);
    expect(tar.code, tar.stderr).toBe(0);
    const listed = execFileSync('tar', ['-tvf', join(tar.dir, 'made.tar')], { encoding: 'utf8' });
    expect(listed).toMatch(/^-rwsr-xr-x (build|1000)\/(build|1000) .* home\/build\/file$/m);
    expect(listed).not.toContain('.melange2');
    const folder = await run('export', address, recipe(makes), ['--to', 'tarball', '--ref', 'made,type=dir']);
    expect(folder.code, folder.stderr).toBe(0);
    expect(readFileSync(join(folder.dir, 'made/home/build/link'), 'utf8')).toBe('made\n');
    expect(statSync(join(folder.dir, 'made/home/build/file')).nlink).toBe(2);
  });

  test.each(daemons)(
    'is not exported when a step fails: the step is named (BuildKit %s)',
    async (_, address) => {
      const to = ['--to', 'tarball', '--ref', 'made.tar'];
      const { code, stderr, dir } = await run('export', address, recipe('exit 7'), to);
      expect(code).toBe(1);
      expect(stderr).toContain(
        'error BUILD_STEP_FAILED: The step "Makes" of sample failed with exit code 7.',
      );
      expect(readdirSync(dir)).toEqual(['sample.yaml']);
    },
  );

  test('goes to one target: a kind that nobody has, or several architectures, are refused', async () => {
    const [, address = ''] = daemons[0] ?? [];
    const unknown = await run('export', address, recipe(makes), ['--to', 'nowhere', '--ref', 'x']);
    expect(unknown.stderr).toContain('EXPORT_KIND_UNKNOWN');
    const several = await run('export', address, recipe(makes), [
      '--to',
      'tarball',
      '--ref',
      'x',
      '--arch',
      'all',
    ]);
    expect(several.code).toBe(2);
  });
});

describe.skipIf(engines.length === 0)('what a failed step left', () => {
  const fails = 'echo half > file; exit 3';
  test.each(engines)('is an image in an engine and in a registry (BuildKit %s)', async (_, address) => {
    const engine = dockerEngine(address);
    const registry = await startRegistry('basic');
    const { host, username, password } = registry;
    try {
      const image = `e2e-${randomUUID()}:failed`;
      const pushed = `${host}/team/failed:1`;
      const env = { DOCKER_HOST: engine.host, ...dockerConfig(host, username, password) };
      for (const [kind, ref] of [
        ['docker', image],
        ['registry', pushed],
      ] as const) {
        const to = ['--export-on-failure', kind, '--export-ref', ref];
        const { code, stderr } = await run('build', address, recipe(fails), to, env);
        expect(code).toBe(1);
        expect(stderr).toContain('exported the failed state to');
        expect(stderr).toContain('BUILD_STEP_FAILED');
      }
      await engine.pull(pushed, { username, password });
      for (const name of [image, pushed]) {
        const script = 'id -u; pwd; echo $COLOR; cat file; sh /melange2/failed-step.sh; echo $?';
        expect(await engine.run(name, ['sh', '-c', script])).toBe('1000\n/home/build\ngreen\nhalf\n3\n');
      }
    } finally {
      await registry.stop();
    }
  });

  test('that cannot be exported is a warning beside the failure', async () => {
    const [, address = ''] = engines[0] ?? [];
    const registry = await startRefusingRegistry(403);
    try {
      const to = ['--export-on-failure', 'registry', '--export-ref', `${registry.host}/a/b:1`];
      const { code, stderr } = await run('build', address, recipe(fails), to);
      expect(code).toBe(1);
      expect(stderr).toContain('warning: the failed state was not exported: EXPORT_REGISTRY_DENIED: ');
      expect(stderr).toContain('BUILD_STEP_FAILED');
    } finally {
      await registry.stop();
    }
  });
});

describe.skipIf(daemons.length === 0)('a registry', () => {
  const [, address = ''] = daemons[0] ?? [];
  const push = (ref: string, env: Readonly<Record<string, string>> = {}): ReturnType<typeof run> =>
    run('export', address, recipe(makes), ['--to', 'registry', '--ref', ref, '--state', 'environment'], env);

  test('with a certificate that nobody trusts is refused, and used with insecure=true', async () => {
    const registry = await startRegistry('tls');
    try {
      const ref = `${registry.host}/team/sample:1`;
      const refused = await push(`${ref},http=false`);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('EXPORT_REGISTRY_UNTRUSTED');
      expect(refused.stderr).toContain('insecure=true');
      const taken = await push(`${ref},insecure=true`);
      expect(taken.code, taken.stderr).toBe(0);
    } finally {
      await registry.stop();
    }
  });

  test('that wants another account says which was used, and shows no password', async () => {
    const registry = await startRegistry('basic');
    try {
      const ref = `${registry.host}/team/sample:1`;
      const nobody = await push(ref, { DOCKER_CONFIG: testFolder() });
      expect(nobody.stderr).toMatch(/EXPORT_REGISTRY_DENIED: .* 401, asked anonymously/);
      expect(nobody.stderr).toContain(`docker login ${registry.host}`);
      const wrong = await push(ref, dockerConfig(registry.host, 'somebody', 'secret-word'));
      expect(wrong.code).toBe(1);
      expect(wrong.stderr).toMatch(/EXPORT_REGISTRY_DENIED: .* 401, asked as somebody/);
      expect(wrong.stdout + wrong.stderr).not.toContain('secret-word');
    } finally {
      await registry.stop();
    }
  });

  test('that takes no more requests shows its limits and the stanza for a mirror', async () => {
    const registry = await startRefusingRegistry(429, {
      'ratelimit-limit': '100;w=21600',
      'ratelimit-remaining': '0;w=21600',
      'retry-after': '3600',
    });
    try {
      const { code, stderr } = await push(`${registry.host}/team/sample:1`);
      expect(code).toBe(1);
      expect(stderr).toContain('EXPORT_REGISTRY_RATE_LIMITED');
      expect(stderr).toContain('100 requests in 6 h, 0 left, again in 1 h; asked anonymously');
      expect(stderr).toContain(`[registry."${registry.host}"]`);
      expect(stderr).toContain('mirrors = ["MIRROR"]');
      expect(registry.asked).toHaveLength(1);
    } finally {
      await registry.stop();
    }
  });

  test.each([
    [404, 'EXPORT_REGISTRY_NOT_FOUND'],
    [503, 'EXPORT_REGISTRY_UNAVAILABLE'],
  ])('that answers %i is told as %s', async (status, expected) => {
    const registry = await startRefusingRegistry(status);
    try {
      const { code, stderr } = await push(`${registry.host}/team/sample:1`);
      expect(code).toBe(1);
      expect(stderr).toContain(expected);
    } finally {
      await registry.stop();
    }
  });

  test('that says nothing is given up', async () => {
    const registry = await startRefusingRegistry('silent');
    try {
      const { code, stderr } = await push(`${registry.host}/team/sample:1,timeout=1`);
      expect(code).toBe(1);
      expect(stderr).toMatch(/EXPORT_REGISTRY_UNAVAILABLE: .* sent nothing for 1 s/);
    } finally {
      await registry.stop();
    }
  });
});
