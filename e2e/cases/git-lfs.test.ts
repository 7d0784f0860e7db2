import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { buildPackage } from '../harness/build-package.ts';
import { startGitServer, type GitServer } from '../harness/git-server.ts';
import { packageFiles } from '../harness/package-files.ts';
import { testFolder } from '../harness/test-folder.ts';
import { toolchainsTimeoutMs } from '../harness/toolchains.ts';
import { basePackages } from '../world/base-packages.ts';
import { makeWorld, type World } from '../world/make-world.ts';
import { toolchainPackages } from '../world/toolchain-packages.ts';

const daemons = Object.entries(inject('daemons')).filter(([age]) => age !== '0.13');
const world = inject('world');
const apkCache = inject('apkCache');

const content = Buffer.from('a large file '.repeat(1000));
const digest = createHash('sha256').update(content).digest('hex');

let tools: World;
let folder: string;
let commit: string;

beforeAll(async () => {
  tools = await makeWorld({
    set: {
      name: 'git-lfs',
      on: basePackages,
      rootPackages: ['git', 'git-lfs'],
      omitted: toolchainPackages.omitted,
      wolfiNames: {},
      extraDepends: {},
      alternativeLinks: {},
    },
  });
  folder = mkdtempSync(join(tmpdir(), 'melange2-lfs-'));
  // What git has of a large file is three lines about it.
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${digest}\nsize ${content.length}\n`;
  const script = `
    export HOME=$PWD GIT_CONFIG_NOSYSTEM=1
    git config --global user.name Me; git config --global user.email me@example.org
    git init -q -b main app; cd app
    printf '%s' '${pointer}' >data.bin; echo small >file
    echo '*.bin filter=lfs diff=lfs merge=lfs -text' >.gitattributes
    git add .; git commit -qm one; git rev-parse HEAD
  `;
  commit = execFileSync('sh', ['-euc', script], { cwd: folder, encoding: 'utf8' }).trim();
}, toolchainsTimeoutMs);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(daemons.length === 0).each(daemons)('on BuildKit %s', (_, address) => {
  let server: GitServer;
  beforeAll(async () => {
    server = await startGitServer(folder, new Map([[digest, content]]));
  });
  afterAll(() => server.stop());

  test('large files of a repository are fetched, kept with it, and there again without a network', async () => {
    const dir = testFolder();
    const cacheDir = join(dir, 'kept');
    const build = async (): Promise<{ files: Record<string, string>; stderr: string }> => {
      const own = testFolder();
      mkdirSync(join(own, 'source'));
      const file = join(own, 'source/app.yaml');
      writeFileSync(
        file,
        `package: {name: app, version: 1.0.0, epoch: 0}
environment:
  contents: {packages: [busybox, git-lfs]}
  environment: {SALT: ${randomUUID()}}
pipeline:
  - runs: git lfs install
  - uses: git-checkout
    with: {repository: "${server.address}/app", branch: main, expected-commit: ${commit}}
  - runs: |
      git status --porcelain
      install -D -m 644 data.bin file -t \${{targets.destdir}}/usr/share/app
`,
      );
      const args = ['--repository-append', tools.repository, '--cache-dir', cacheDir, '--network', 'host'];
      const built = await buildPackage({ file, address, world, dir: own, apkCache, args });
      expect(built, built.stderr).toMatchObject({ code: 0 });
      return {
        files: await packageFiles(join(built.repository, world.arch, 'app-1.0.0-r0.apk')),
        stderr: built.stderr,
      };
    };
    const first = await build();
    expect(first.files['usr/share/app/data.bin']).toBe(content.toString());
    expect(first.files['usr/share/app/file']).toBe('small\n');
    expect(readdirSync(cacheDir)).toEqual([expect.stringMatching(/^git:[0-9a-f]{40}-[0-9a-f]{16}$/)]);
    await server.stop();
    const again = await build();
    expect(again.files['usr/share/app/data.bin']).toBe(content.toString());
  });
});
