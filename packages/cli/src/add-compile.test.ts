import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runInFolder, type Ran } from './testing/run-in-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'add-compile-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (...argv: readonly string[]): Promise<Ran> => runInFolder(folder, ...argv);

test('pipelines lists all, and tells of one what it takes', async () => {
  expect((await run('pipelines')).stdout).toMatch(/^autoconf\/make +Build with make$/m);
  expect((await run('pipelines', 'cmake/install')).stdout).toBe(
    `cmake/install  Install with CMake

Installs what cmake/build has built into the package.

needs: cmake ninja

output-dir  (path, default output)
    The build folder.

Example
    pipeline:
      - uses: cmake/install
`,
  );
  expect((await run('pipelines', 'ruby/install')).stdout).toContain(`Example
    pipeline:
      - uses: ruby/install
        with:
          version: \${{package.version}}
`);
  expect((await run('pipelines', 'ruby')).stdout).toBe(
    'ruby/build    Build a gem\nruby/clean    Clean up after installing a gem\nruby/install  Install a gem\n',
  );
  expect(JSON.parse((await run('pipelines', 'go/', '--json')).stdout)).toHaveLength(5);
  expect(JSON.parse((await run('pipelines', 'strip', '--json')).stdout)).toMatchObject({
    name: 'strip',
    needs: ['binutils', 'scanelf'],
  });
  await expect(run('pipelines', 'ptach')).rejects.toMatchObject({
    code: 'CLI_USAGE',
    message: expect.stringContaining('Did you mean "patch"?'),
  });
});

test('pipelines tells of those in a folder too', async () => {
  mkdirSync(join(folder, 'own/my'), { recursive: true });
  writeFileSync(join(folder, 'own/my/thing.yaml'), 'name: Do my thing\nruns: x\n');
  expect((await run('pipelines', '--pipeline-dir', 'own')).stdout).toMatch(/^my\/thing +Do my thing$/m);
});

test('compile prints one line of JSON, or all problems at once', async () => {
  writeFileSync(
    join(folder, 'melange.yaml'),
    'package: {name: a, version: 1, epoch: 0, target-architecture: [x86_64]}\npipeline:\n  - runs: echo ${{build.arch}}\n',
  );
  const { code, stdout } = await run('compile', '--arch', 'amd64', '--git-commit', 'abc');
  expect(code).toBe(0);
  expect(stdout.split('\n')).toHaveLength(2);
  expect(JSON.parse(stdout)).toMatchObject({
    package: { name: 'a', version: '1', commit: 'abc' },
    pipeline: [{ runs: expect.stringMatching(/^echo x86_64\n?$/) }],
  });
  const other = await run('compile', '--arch', 'aarch64');
  expect(other).toMatchObject({ code: 1, stdout: '' });
  expect(other.stderr).toContain('is not for aarch64');
  writeFileSync(
    join(folder, 'bad.yaml'),
    'package: {name: a, version: 1, epoch: 0}\npipeline:\n  - uses: nope\n  - uses: no/pe\n',
  );
  await expect(run('compile', 'bad.yaml')).rejects.toMatchObject({
    code: 'BUILD_FILE_INVALID',
    diagnostics: [{ code: 'PIPELINE_UNKNOWN' }, { code: 'PIPELINE_UNKNOWN' }],
  });
});
