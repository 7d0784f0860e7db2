import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pc from 'picocolors';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runProgram } from './program.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'add-packages-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(
  ...argv: string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  let stdout = '';
  let stderr = '';
  const code = await runProgram(argv, {
    stdout: (text) => void (stdout += text),
    stderr: (text) => void (stderr += text),
    colors: pc.createColors(false),
    env: { MELANGE2_CACHE: join(folder, 'cache') },
    cwd: folder,
    interactive: false,
    columns: () => undefined,
    rows: () => undefined,
    signal: new AbortController().signal,
    now: () => 0,
  });
  return { code, stdout, stderr };
}

test('lint lists its linters, and tells of a package that cannot be read', async () => {
  expect((await run('lint', '--list')).stdout).toMatch(/^setuidgid +require +Take the bits away/m);
  await expect(run('lint')).rejects.toMatchObject({ code: 'CLI_USAGE' });
  writeFileSync(join(folder, 'no.apk'), 'no package');
  const { code, stdout } = await run('lint', 'no.apk', 'gone.apk');
  expect(code).toBe(1);
  expect(stdout).toMatch(/^no\.apk: one problem\nerror [A-Z]+_[A-Z_]+: /);
  expect(stdout).toMatch(/^gone\.apk: one problem\nerror FILE_UNREADABLE: /m);
});

test('license-check tells the licences of a folder, as text and as JSON', async () => {
  copyFileSync(join(import.meta.dirname, '../../../LICENSE'), join(folder, 'LICENSE'));
  expect((await run('license-check', '.')).stdout).toBe('LICENSE: Apache-2.0 (100 %)\n');
  expect(JSON.parse((await run('license-check', '.', '--format', 'json')).stdout)).toMatchObject({
    detected: [{ path: 'LICENSE', licenses: [{ id: 'Apache-2.0' }] }],
    leftOut: 0,
  });
});

test('license-check --fix corrects the copyright list of a build file, and nothing else of it', async () => {
  copyFileSync(join(import.meta.dirname, '../../../LICENSE'), join(folder, 'LICENSE'));
  const file = join(folder, 'a.yaml');
  const recipe = (copyright: string): string =>
    `package:\n  name: a # kept\n  version: "1"\n  epoch: 0\n${copyright}pipeline:\n  - runs: 'true'\n`;
  const entry = '  copyright:\n    - license: Apache-2.0 # who says so?\n      license-path: LICENSE\n';
  for (const [before, after] of [
    ['', entry.replace(' # who says so?', '')],
    ['  copyright:\n    - license: NOASSERTION # who says so?\n', entry],
    [entry.replace('Apache-2.0', 'MIT'), entry],
    [
      '  copyright: [{license: MIT}]\n',
      '  copyright: [{license: MIT}, {license: Apache-2.0, license-path: LICENSE}]\n',
    ],
  ] as const) {
    writeFileSync(file, recipe(before));
    expect((await run('license-check', 'a.yaml')).stdout).toMatch(/^(?:warning|.*: warning) LICENSE_/m);
    expect(readFileSync(file, 'utf8')).toBe(recipe(before));
    const { stdout, stderr } = await run('license-check', 'a.yaml', '--fix');
    expect(readFileSync(file, 'utf8')).toBe(recipe(after));
    expect([stdout, stderr]).toEqual([
      'LICENSE: Apache-2.0 (100 %)\n',
      'a.yaml: package.copyright was corrected\n',
    ]);
    expect((await run('license-check', 'a.yaml', '--fix')).stderr).toBe('');
  }
  await expect(run('license-check', '.', '--fix')).rejects.toMatchObject({ code: 'CLI_USAGE' });
});

test('scan needs the packages of the build file', async () => {
  writeFileSync(
    join(folder, 'a.yaml'),
    'package: {name: a, version: 1, epoch: 0}\npipeline: [{runs: "true"}]\n',
  );
  await expect(run('scan', 'a.yaml', '--arch', 'x86_64')).rejects.toMatchObject({
    code: 'FILE_UNREADABLE',
    message: expect.stringContaining('packages/x86_64/a-1-r0.apk') as string,
  });
});

test('plugin new refuses names that no npm package has, and kinds that there are not', async () => {
  await expect(run('plugin', 'new', 'cache', 'Not A Name')).rejects.toMatchObject({ code: 'CLI_USAGE' });
  await expect(run('plugin', 'new', 'caches', 'x')).rejects.toMatchObject({ code: 'CLI_USAGE' });
  expect((await run('plugin', 'new', 'linter', '@acme/melange2-lint')).stdout).toContain('cd melange2-lint');
});
