import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { repositoryRoot } from '../harness/melange2.ts';
import { makePackedFolder, packable } from '../harness/packed-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');
const examples = join(repositoryRoot, 'docs/plugins/examples');
const names = [
  'melange2-cache-http',
  'melange2-cache-zig',
  'melange2-exporter-gzip',
  'melange2-progress-dots',
  'melange2-lint-readme',
  'melange2-sca-lua',
];

let root: string;

/** Runs a program of the packed folder, with the paths that a user's shell would have. */
function run(cwd: string, program: string, ...args: string[]): string {
  return execFileSync(process.execPath, [join(root, 'node_modules', program), ...args], {
    cwd,
    encoding: 'utf8',
    env: { PATH: dirname(process.execPath) + ':/usr/bin:/bin', HOME: root, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Type-checks and builds a plugin, runs its test, and puts it where packages lie. */
function makePlugin(folder: string): void {
  run(folder, 'typescript/bin/tsc');
  const tested = run(folder, 'vitest/vitest.mjs', 'run', '--dir', 'src');
  expect(tested).toMatch(/Tests {2}\d+ passed \(\d+\)/);
  const { name } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name: string };
  const place = join(root, 'node_modules', name);
  mkdirSync(dirname(place), { recursive: true });
  symlinkSync(folder, place);
}

describe.skipIf(!packable)('in an empty folder, with the packed packages only', () => {
  beforeAll(() => {
    root = makePackedFolder();
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('publint finds nothing in the packed packages', async () => {
    const scope = join(root, 'node_modules/@melange2');
    const found = await Promise.all(
      readdirSync(scope).map(async (name) => {
        const { messages } = await publint({ pkgDir: join(scope, name), strict: true, pack: false });
        return messages.map(({ code, path }) => `${name}: ${code} at ${path.join('.')}`);
      }),
    );
    expect(found.flat()).toEqual([]);
  });

  test('the types of the packed packages are there: a wrong use of them is an error', () => {
    const folder = join(root, 'wrong');
    cpSync(join(examples, 'melange2-lint-readme'), folder, { recursive: true });
    const file = join(folder, 'src/index.ts');
    writeFileSync(file, readFileSync(file, 'utf8').replace("level: 'warn'", "level: 'loud'"));
    expect(() => run(folder, 'typescript/bin/tsc')).toThrow();
  });

  test.each(names)('the example %s is short, builds, and keeps its contract', (name) => {
    const folder = join(root, name);
    cpSync(join(examples, name), folder, { recursive: true });
    expect(readFileSync(join(folder, 'src/index.ts'), 'utf8').split('\n').length).toBeLessThan(60);
    makePlugin(folder);
  });

  test.each(daemons)('the examples do their work in a build, on BuildKit %s', (_, address) => {
    const dir = join(root, `build-${_}`);
    mkdirSync(dir);
    const text = (last: string): string => `package: { name: sample, version: 1.0.0, epoch: 0 }
environment: { contents: { packages: [busybox, tar] } }
pipeline:
  - runs: |
      mkdir -p melange-out/sample/usr/share/lua/5.4/socket melange-out/sample-doc/usr/share/man
      touch melange-out/sample/usr/share/lua/5.4/socket/http.lua melange-out/sample-doc/usr/share/man/x
  - runs: |
      zig version || test -d "$ZIG_GLOBAL_CACHE_DIR"
      ${last}
subpackages:
  - name: sample-doc
`;
    writeFileSync(join(dir, 'sample.yaml'), text('true'));
    writeFileSync(join(dir, 'failing.yaml'), text('exit 9'));
    const config = { plugins: names.filter((name) => name !== 'melange2-exporter-gzip') };
    writeFileSync(
      join(dir, 'melange2.config.ts'),
      `import { type BuilderConfig, defineConfig } from '@melange2/plugin-api';
const config: BuilderConfig = ${JSON.stringify(config)};
export default defineConfig(config);
`,
    );
    const build = (
      file: string,
      ...args: string[]
    ): { readonly code: number | null; readonly stderr: string } => {
      const all = [
        'build',
        file,
        '--progress',
        'quiet',
        '--buildkit',
        address,
        '--arch',
        world.arch,
        ...args,
      ];
      all.push('-r', world.repository, '-k', world.keyring, '--apk-cache-dir', apkCache);
      const { status, stderr } = spawnSync(join(root, 'node_modules/.bin/melange2'), all, {
        cwd: dir,
        encoding: 'utf8',
        env: { PATH: dirname(process.execPath) + ':/usr/bin:/bin', HOME: dir, NO_COLOR: '1' },
      });
      return { code: status, stderr };
    };

    const built = build(
      'sample.yaml',
      '--lint-require',
      'readme/missing',
      '--plugin',
      'melange2-exporter-gzip',
    );
    expect(built.code, built.stderr).toBe(1);
    expect(built.stderr).toContain('error LINT_FINDING: [readme/missing] sample-doc has no README.');
    const again = build('sample.yaml');
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toMatch(/^\.[.c]{8,}[^]*^succeeded in \d+ s$/m);
    const apk = join(dir, 'packages', world.arch, 'sample-1.0.0-r0.apk');
    const info = execFileSync('tar', ['-xzOf', apk, '.PKGINFO'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    expect(info).toMatch(/^depend = lua5\.4$/m);
    expect(info).toMatch(/^provides = lua5\.4:socket\.http=1\.0\.0-r0$/m);
    const failed = build(
      'failing.yaml',
      '--plugin',
      'melange2-exporter-gzip',
      '--export-on-failure',
      'gzip',
      '--export-ref',
      'state.tar.gz',
    );
    expect(failed.code, failed.stderr).toBe(1);
    expect(failed.stderr).toMatch(/^failed: zig version .*exit code: 9/m);
    expect(execFileSync('tar', ['-tzf', join(dir, 'state.tar.gz')], { encoding: 'utf8' })).toContain(
      'home/build/melange-out/sample/usr/share/lua/5.4/socket/http.lua',
    );
  });

  test.each([
    ['cache', 'melange2-cache-nim'],
    ['exporter', '@acme/melange2-exporter-files'],
    ['renderer', 'melange2-progress-lines'],
    ['linter', 'lint-2'],
    ['sca', 'melange2-sca-tcl'],
  ])('melange2 plugin new %s %s makes a plugin that works as it is', (kind, name) => {
    const said = run(
      root,
      '@melange2/cli/bin/melange2.js',
      'plugin',
      'new',
      kind,
      name,
      '--dir',
      `new-${kind}`,
    );
    expect(said).toContain(`cd new-${kind}`);
    const folder = join(root, `new-${kind}`);
    expect(new Set(readdirSync(folder, { recursive: true, encoding: 'utf8' }))).toEqual(
      new Set(['README.md', 'package.json', 'src', 'src/index.test.ts', 'src/index.ts', 'tsconfig.json']),
    );
    makePlugin(folder);
    // Never over what is there.
    expect(() =>
      run(root, '@melange2/cli/bin/melange2.js', 'plugin', 'new', kind, name, '--dir', `new-${kind}`),
    ).toThrow('CLI_FOLDER_IN_USE');
  });
});
