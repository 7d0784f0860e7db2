import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { buildPackage, type BuiltPackages } from '../harness/build-package.ts';
import { startGitServer, type GitServer } from '../harness/git-server.ts';
import { packageFiles } from '../harness/package-files.ts';
import { testFolder } from '../harness/test-folder.ts';
import { toolchains, toolchainsTimeoutMs } from '../harness/toolchains.ts';
import type { World } from '../world/make-world.ts';

const daemons = Object.entries(inject('daemons')).filter(([age]) => age !== '0.13');
const world = inject('world');
const apkCache = inject('apkCache');

let tools: World;
let folder: string;
let commits: { readonly first: string; readonly second: string; readonly fix: string; readonly part: string };

beforeAll(async () => {
  tools = await toolchains();
  folder = mkdtempSync(join(tmpdir(), 'melange2-git-'));
  execFileSync('sh', ['-euc', script], { cwd: folder, stdio: 'pipe' });
  const rev = (name: string): string =>
    execFileSync('git', ['-C', join(folder, 'app'), 'rev-parse', name], { encoding: 'utf8' }).trim();
  commits = { first: rev('v1^{commit}'), second: rev('main~1'), fix: rev('fix'), part: rev('main') };
}, toolchainsTimeoutMs);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const script = `
  export HOME=$PWD GIT_CONFIG_NOSYSTEM=1
  git config --global user.name Me; git config --global user.email me@example.org
  git config --global protocol.file.allow always
  git init -q -b main part; cd part; echo part >part; git add .; git commit -qm part; cd ..
  git init -q -b main app; cd app
  git config uploadpack.allowAnySHA1InWant true; git config uploadpack.allowFilter true
  mkdir lib; echo 1 >file; echo l >lib/l; printf '#!/bin/sh\\n' >run; chmod 755 run; ln -s file link
  git add .; git commit -qm one; git tag -a -m tagged v1
  git checkout -qb fix; echo fixed >fixed; git add .; git commit -qm fix
  git checkout -q main; echo 2 >file; git commit -qam two
  git submodule --quiet add ../part inner; git config -f .gitmodules submodule.inner.url ../part; git commit -qam inner
`;

describe.skipIf(daemons.length === 0).each(daemons)('git-checkout on BuildKit %s', (_, address) => {
  let server: GitServer;
  beforeAll(async () => {
    server = await startGitServer(folder);
  });
  afterAll(() => server.stop());

  interface Checkout {
    readonly dir: string;
    readonly cacheDir: string;
    readonly inputs: Readonly<Record<string, string>>;
    /** Makes every step new to the daemon. */
    readonly salt?: string;
  }

  async function build({ dir, cacheDir, inputs, salt = 'none' }: Checkout): Promise<BuiltPackages> {
    mkdirSync(join(dir, 'source'), { recursive: true });
    const file = join(dir, 'source/app.yaml');
    const given = Object.entries(inputs).map(([name, value]) => `      ${name}: ${JSON.stringify(value)}\n`);
    writeFileSync(
      file,
      `package: {name: app, version: 1.0.0, epoch: 1, description: From git}
environment:
  contents:
    packages: [busybox]
  environment: {SALT: ${salt}}
pipeline:
  - uses: git-checkout
    with:
      repository: ${server.address}/app
${given.join('')}  - runs: |
      mkdir -p \${{targets.destdir}}/usr/share/app
      {
        git rev-parse HEAD
        git describe --tags --always
        git config --get-regexp '^(remote|branch|submodule|user)' | sort
        git for-each-ref
        git rev-list --objects --all HEAD | sort
        cat .git/shallow || :
        find . -name .git -prune -o -name melange-out -prune -o -printf '%p %y %m %s %l %u\\n' | sort
      } >\${{targets.destdir}}/usr/share/app/facts 2>&1
      cp file \${{targets.destdir}}/usr/share/app/
`,
    );
    return buildPackage({
      file,
      address,
      world,
      dir,
      apkCache,
      args: ['--repository-append', tools.repository, '--cache-dir', cacheDir, '--network', 'host'],
    });
  }

  const filesOf = (built: BuiltPackages): Promise<Record<string, string>> => {
    expect(built, built.stderr).toMatchObject({ code: 0 });
    return packageFiles(join(built.repository, world.arch, 'app-1.0.0-r1.apk'));
  };

  const checkouts: readonly (readonly [string, () => Record<string, string>])[] = [
    ['a tag', () => ({ tag: 'v1', 'expected-commit': commits.first })],
    [
      'an older commit of a branch, with a picked one',
      () => ({ branch: 'main', 'expected-commit': commits.second, 'cherry-picks': `fix/${commits.fix}: x` }),
    ],
    ['submodules', () => ({ branch: 'main', 'expected-commit': commits.part, 'recurse-submodules': 'true' })],
  ];
  test.each(checkouts)(
    '%s is kept in the cache folder, and comes from there to the same',
    async (__, inputs) => {
      const dir = testFolder();
      const cacheDir = join(dir, 'kept');
      const first = await build({ dir, cacheDir, inputs: inputs() });
      const files = await filesOf(first);
      expect(files['usr/share/app/facts']).toContain(`remote.origin.url ${server.address}/app\n`);
      expect(readdirSync(cacheDir)).toEqual([expect.stringMatching(/^git:[0-9a-f]{40}-[0-9a-f]{16}$/)]);
      await server.stop();
      try {
        const again = await build({ dir: testFolder(), cacheDir, inputs: inputs() });
        expect(again.digests).toEqual(first.digests);
        // What is mounted counts, not where it came from.
        expect(again.stderr).toMatch(/app: git-checkout CACHED/);
        const salt = randomUUID();
        const fresh = await build({ dir: testFolder(), cacheDir, salt, inputs: inputs() });
        expect(await filesOf(fresh)).toEqual(files);
        const without = { ...inputs(), 'max-retries': '0' };
        const lost = await build({ dir: testFolder(), cacheDir: join(dir, 'empty'), salt, inputs: without });
        expect(lost.code).toBe(1);
      } finally {
        server = await startGitServer(folder);
      }
    },
  );

  test('refuses another commit than the expected one, and keeps nothing', async () => {
    const dir = testFolder();
    const cacheDir = join(dir, 'kept');
    const inputs = { tag: 'v1', 'expected-commit': commits.second };
    const { code, stderr } = await build({ dir, cacheDir, inputs });
    expect(code).toBe(1);
    expect(stderr).toMatch(/source\/app\.yaml:11:24: error BUILD_SOURCE_DIFFERS/);
    expect(stderr).toContain(`expected ${commits.second}, found ${commits.first}.`);
    expect(readdirSync(cacheDir)).toEqual([]);
  });

  test('refuses a kept repository that was changed', async () => {
    const dir = testFolder();
    const cacheDir = join(dir, 'kept');
    const inputs = { tag: 'v1', 'expected-commit': commits.first };
    await filesOf(await build({ dir, cacheDir, inputs }));
    const [name = ''] = readdirSync(cacheDir);
    const change = `
      mkdir open; tar -xf "./${name}" -C open --no-same-owner; git clone -q open/0.git work; cd work
      git -c user.name=x -c user.email=x@example.org commit -q --allow-empty -m other
      git push -qf origin HEAD:refs/tags/v1; cd ..; tar -cf "./${name}" -C open .`;
    execFileSync('sh', ['-euc', change], { cwd: cacheDir, stdio: 'pipe' });
    const { code, stderr } = await build({ dir: testFolder(), cacheDir, inputs });
    expect(code).toBe(1);
    expect(stderr).toContain('error BUILD_SOURCE_DIFFERS');
  });
});
