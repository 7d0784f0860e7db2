import { createHash } from 'node:crypto';
import {
  formatPackageInfo,
  gzipParallel,
  packageInfo,
  readPackage,
  tarHeader,
  writeTar,
} from '@melange2/apk';
import { tinyPackage, type TinyPackage } from '@melange2/testing';
import { expect, test } from 'vitest';
import { planOwnedRoot } from './named-owners.ts';
import { planRoot, type RootPlan } from './plan-root.ts';
import { scanPackage, type PackageScan } from './scan-package.ts';

async function scan(found: TinyPackage): Promise<PackageScan> {
  return await scanPackage(await readPackage((await tinyPackage(found)).bytes, { file: found.name }));
}

async function plan(...packages: readonly TinyPackage[]): Promise<RootPlan> {
  return planRoot(await Promise.all(packages.map(scan)));
}

function files(found: RootPlan): Record<string, number | undefined> {
  return Object.fromEntries(
    [...found.nodes].filter(([, n]) => n.type !== 'directory').map(([path, n]) => [path, n.from?.package]),
  );
}

const merged: TinyPackage = {
  name: 'base',
  version: '1',
  files: {
    bin: { linkName: 'usr/bin' },
    'usr/bin': { type: 'directory' },
    sbin: { linkName: 'usr/sbin' },
    'usr/sbin': { linkName: 'bin' },
  },
};

test('what lies below a linked directory goes where the link points, whatever the order of packages', async () => {
  const tool: TinyPackage = {
    name: 'tool',
    version: '1',
    files: { 'bin/tool': 'x', 'sbin/admin': 'y', 'usr/sbin/more': 'z' },
  };
  for (const order of [
    [merged, tool],
    [tool, merged],
  ]) {
    const found = await plan(...order);
    expect(Object.keys(files(found)).toSorted()).toEqual([
      'bin',
      'sbin',
      'usr/bin/admin',
      'usr/bin/more',
      'usr/bin/tool',
      'usr/sbin',
    ]);
    expect(found.diagnostics).toEqual([]);
    expect([...(found.edits[order.indexOf(tool)]?.values() ?? [])]).toContainEqual({
      kind: 'change',
      name: 'usr/bin/admin',
    });
  }
});

test('a link may lead to a link that no other package has a directory for', async () => {
  const found = await plan(merged, { name: 'tool', version: '1', files: { 'sbin/admin': 'y' } });
  expect(found.diagnostics).toEqual([]);
  expect(files(found)['usr/bin/admin']).toBe(1);
});

test('a package whose files are where they belong is used as it is', async () => {
  const found = await plan(merged, { name: 'tool', version: '1', files: { 'usr/bin/tool': 'x' } });
  expect(found.edits.map((e) => e.size)).toEqual([0, 0]);
});

test('two packages with the same file conflict, unless it is the same or one replaces the other', async () => {
  const a: TinyPackage = { name: 'a', version: '1', files: { 'etc/x': 'a', 'etc/y': 'a' } };
  const b: TinyPackage = { name: 'b', version: '1', files: { 'etc/x': 'b', 'etc/y': 'b' } };
  expect((await plan(a, b)).diagnostics.map((d) => [d.code, d.message])).toEqual([
    [
      'ENVIRONMENT_FILE_CONFLICT',
      'a-1 and b-1 both have /etc/x (and 1 more files), with different content, and neither says that it replaces the other. Take one of them out of the environment, or let one have "replaces" for the other.',
    ],
  ]);
  expect(files(await plan(a, { ...b, files: a.files! }))).toEqual({ 'etc/x': 0, 'etc/y': 0 });
  expect(files(await plan(a, { ...b, replaces: ['a'] }))).toEqual({ 'etc/x': 1, 'etc/y': 1 });
  expect(files(await plan({ ...a, replaces: ['b<2'] }, b))).toEqual({ 'etc/x': 0, 'etc/y': 0 });
  expect((await plan({ ...a, replaces: ['b>2'] }, b)).diagnostics).toHaveLength(1);
  expect(files(await plan({ ...a, origin: 'o' }, { ...b, origin: 'o' }))).toEqual({ 'etc/x': 1, 'etc/y': 1 });
});

test('a file that loses is left out of its package’s layer, and its other names live on', async () => {
  const a: TinyPackage = { name: 'a', version: '1', replaces: ['b'], files: { 'usr/bin/x': 'a' } };
  const b: TinyPackage = {
    name: 'b',
    version: '1',
    files: {
      'usr/bin/x': 'b',
      'usr/bin/y': { type: 'hardLink', linkName: 'usr/bin/x' },
      'usr/bin/z': { type: 'hardLink', linkName: 'usr/bin/x' },
    },
  };
  const found = await plan(a, b);
  expect([...(found.edits[1] ?? [])].map(([, e]) => e)).toEqual([
    { kind: 'change', name: 'usr/bin/y' },
    { kind: 'drop' },
    { kind: 'change', linkName: 'usr/bin/y' },
  ]);
});

test('the first package decides mode and owner of a directory, and the dispute is known', async () => {
  const found = await plan(
    { name: 'a', version: '1', files: { 'var/tmp': { type: 'directory', mode: 0o1777 } } },
    { name: 'b', version: '1', files: { 'var/tmp': { type: 'directory', uid: 7 } } },
  );
  expect(found.nodes.get('var/tmp')).toMatchObject({ mode: 0o1777, uid: 0 });
  expect([...found.disputed]).toEqual(['var/tmp']);
});

test('files at the top that begin with a dot are left out, names that would delete are marked', async () => {
  const found = await plan({
    name: 'a',
    version: '1',
    files: { '.hidden': 'x', 'etc/.wh.x': 'y', 'etc/.keep': '' },
  });
  expect(Object.keys(files(found))).toEqual(['etc/.keep', 'etc/.wh.x']);
  expect(found.whiteoutNames[0]?.size).toBe(1);
});

test('a file where another package has a directory is a conflict', async () => {
  const found = await plan(
    { name: 'a', version: '1', files: { 'etc/x/y': '' } },
    { name: 'b', version: '1', files: { 'etc/x': 'file' } },
  );
  expect(found.diagnostics.map((d) => d.message.split(',')[0])).toEqual(['a-1 and b-1 both have /etc/x']);
});

test('owners are those that their names have in the root', async () => {
  const accounts: TinyPackage = {
    name: 'accounts',
    version: '1',
    files: { 'etc/passwd': 'root:x:0:0::/:\nlp:x:70:70::/:\n', 'etc/group': 'lp:x:71:\n' },
  };
  const printer: TinyPackage = {
    name: 'printer',
    version: '1',
    files: {
      'var/a': { content: 'x', uid: 9, gid: 9, uname: 'lp', gname: 'lp' },
      'var/b': { content: 'x', uid: 9, uname: 'other' },
    },
  };
  const { plan: found } = planOwnedRoot([await scan(accounts), await scan(printer)]);
  expect(found.nodes.get('var/a')).toMatchObject({ uid: 70, gid: 71 });
  expect(found.nodes.get('var/b')).toMatchObject({ uid: 9, gid: 0 });
  expect([...(found.edits[1]?.values() ?? [])]).toEqual([{ kind: 'change', uid: 70, gid: 71 }]);
});

test('a package whose paths or name lead out of the root is refused', async () => {
  const entry = tarHeader({ name: '../evil', size: 0 });
  const data = Buffer.concat(await Array.fromAsync(gzipParallel(writeTar([{ header: entry }]))));
  const info = packageInfo({
    name: 'a',
    version: '1',
    dataHash: createHash('sha256').update(data).digest('hex'),
  });
  const text = Buffer.from(formatPackageInfo(info));
  const header = tarHeader({ name: '.PKGINFO', size: text.length });
  const control = await Array.fromAsync(gzipParallel(writeTar([{ header, content: text }], { end: false })));
  const pkg = await readPackage(Buffer.concat([...control, data]), { file: 'a' });
  await expect(scanPackage(pkg)).rejects.toMatchObject({ code: 'ENVIRONMENT_PACKAGE_UNUSABLE' });
  await expect(scan({ name: '../a', version: '1' })).rejects.toMatchObject({
    code: 'ENVIRONMENT_PACKAGE_UNUSABLE',
  });
});
