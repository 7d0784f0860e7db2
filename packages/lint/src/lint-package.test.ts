import { bytesSource, packageTree, tarHeader, type PackageTree } from '@melange2/apk';
import { expect, test } from 'vitest';
import { formatLintResults, humanSize, linters, type LintOptions, lintPackage } from './index.ts';

function tree(files: Readonly<Record<string, string | number>>): PackageTree {
  return packageTree(
    Object.entries(files).map(([name, value]) => {
      const content = Buffer.from(typeof value === 'string' ? value : 'x');
      const mode = typeof value === 'number' ? value : 0o644;
      return { header: tarHeader({ name, mode, size: content.length }), content: bytesSource(content) };
    }),
  );
}

async function found(
  files: Readonly<Record<string, string | number>>,
  name: string = 'pkg',
): Promise<string[]> {
  const all = linters.map((l) => l.name);
  const subject = { name, tree: tree(files), testPipelines: ['test/pkgconf'] };
  return (await lintPackage(subject, { require: [], warn: all })).results.map((r) => r.linter);
}

test('nothing is found in a package that is as it should be', async () => {
  expect(await found({ 'usr/bin/tool': 0o755, 'usr/lib/pkgconfig/x.pc': 'Name: x\n' })).toEqual([]);
});

test('names of packages exempt them where that is what they are for', async () => {
  const files = { 'usr/share/man/man1/x.1': 'x', 'usr/lib/libx.a': 'x' };
  expect(await found(files)).toEqual(['maninfo', 'staticarchive']);
  expect(await found(files, 'pkg-doc')).toEqual(['staticarchive']);
  expect(await found(files, 'pkg-dev')).toEqual(['maninfo']);
});

test('equal files of one name are reported with what they waste, licences and small ones are not', async () => {
  const big = 'x'.repeat(2000);
  const subject = {
    name: 'pkg',
    tree: tree({
      'a/data': big,
      'b/data': big,
      'c/data': `${big}y`,
      'a/LICENSE': big,
      'b/LICENSE': big,
      'a/s': 'x',
      'b/s': 'x',
    }),
    testPipelines: undefined,
  };
  const { results } = await lintPackage(subject, { require: [], warn: ['duplicate'] });
  expect(results[0]?.details).toEqual({
    total_duplicate_sets: 1,
    total_wasted_bytes: 2000,
    total_wasted_size: '2.0 kB',
    duplicates: [
      {
        basename: 'data',
        count: 2,
        size_bytes: 2000,
        size: '2.0 kB',
        wasted_bytes: 2000,
        wasted_size: '2.0 kB',
        paths: ['a/data', 'b/data'],
      },
    ],
  });
});

test('required linters give errors, the others and disabled ones warnings', async () => {
  const subject = {
    name: 'pkg',
    tree: tree({ 'dev/x': 'x', 'tmp/x': 'x', 'opt/x': 'x' }),
    testPipelines: [],
  };
  const { diagnostics, results } = await lintPackage(subject, { disabled: ['tempdir'] });
  expect(diagnostics.map((d) => [d.severity, d.message])).toEqual([
    ['warning', '[opt] pkg has files in /opt: opt/x.'],
    ['warning', '[tempdir] pkg has files in a folder for temporary files: tmp/x.'],
    ['error', '[dev] pkg has files in /dev: dev/x.'],
  ]);
  expect(JSON.parse(formatLintResults('pkg-1-r0', results))).toMatchObject({
    package_name: 'pkg-1-r0',
    findings: { dev: [{ details: { paths: ['dev/x'] } }] },
  });
});

test('a name that no linter has is refused with the one that was meant', async () => {
  const subject = { name: 'pkg', tree: tree({}), testPipelines: [] };
  await expect(lintPackage(subject, { disabled: ['tempdirs'] })).rejects.toThrow('Was tempdir meant?');
});

test('a linter that is handed in is chosen by its level and its name as the others are', async () => {
  const own = {
    name: 'acme/readme',
    level: 'require',
    explain: 'Write one.',
    check: () => [{ message: 'there is no README' }],
  } as const;
  const subject = { name: 'pkg', tree: tree({}), testPipelines: [] };
  const all = [...linters, own];
  const levels = async (options: LintOptions): Promise<unknown[]> =>
    (await lintPackage(subject, { linters: all, ...options })).results.map((r) => [r.linter, r.level]);
  expect(await levels({})).toEqual([['acme/readme', 'require']]);
  expect(await levels({ disabled: ['acme/readme'] })).toEqual([['acme/readme', 'warn']]);
  expect(await levels({ require: ['dev'], warn: [] })).toEqual([]);
  await expect(lintPackage(subject, { linters: [...all, own] })).rejects.toMatchObject({
    code: 'LINT_DUPLICATE',
  });
});

test('sizes are written for people', () => {
  expect([0, 9, 999, 1000, 9949, 9950, 1_510_320, 999_999_999].map(humanSize)).toEqual([
    '0 B',
    '9 B',
    '999 B',
    '1.0 kB',
    '9.9 kB',
    '10 kB',
    '1.5 MB',
    '1000 MB',
  ]);
});
