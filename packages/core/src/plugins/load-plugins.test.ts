import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findConfigFile, loadPlugins } from './load-plugins.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'melange2-plugins-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string): string => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
};
const module = (name: string): string =>
  `export const plugin = (options) => ({ name: '${name}' + (options?.suffix ?? ''), apiVersion: 1, apply() {} });`;

test('plugins come from the nearest configuration file, then from the command line, in order', async () => {
  write('node_modules/plug-a/package.json', '{"name":"plug-a","type":"module","exports":"./index.js"}');
  write('node_modules/plug-a/index.js', module('a'));
  write('b.mjs', module('b'));
  write('melange2.config.yaml', 'plugins:\n  - plug-a\n  - [./b.mjs, { suffix: "2" }]\n');
  mkdirSync(join(folder, 'deep/er'), { recursive: true });
  const file = findConfigFile(join(folder, 'deep/er'));
  expect(file).toBe(join(folder, 'melange2.config.yaml'));
  const plugins = await loadPlugins(file, ['./b.mjs'], folder);
  expect(plugins.map((p) => p.name)).toEqual(['a', 'b2', 'b']);
});

test('a TypeScript configuration file is loaded as it is', async () => {
  const file = write(
    'melange2.config.ts',
    `const x: number = 1;\nexport default { plugins: [{ name: 'own' + x, apiVersion: 1, apply(): void {} }] };`,
  );
  expect((await loadPlugins(file, [], folder)).map((p) => p.name)).toEqual(['own1']);
});

test('what is wrong with a configuration or a plugin is said with its place', async () => {
  const bad = write('melange2.config.json', '{"plugin": []}');
  await expect(loadPlugins(bad, [], folder)).rejects.toThrow('unknown key "plugin"');
  await expect(loadPlugins(undefined, ['no-such-plugin'], folder)).rejects.toMatchObject({
    code: 'PLUGIN_NOT_FOUND',
    hint: expect.stringContaining('npm install --save-dev no-such-plugin') as string,
  });
  write('c.mjs', 'export const other = 1;');
  await expect(loadPlugins(undefined, ['./c.mjs'], folder)).rejects.toThrow('exports no function "plugin"');
});

test('a plugin is found where it can only be imported, and a factory that fails is told as such', async () => {
  write(
    'node_modules/only-import/package.json',
    '{"name":"only-import","type":"module","exports":{".":{"types":"./x.d.ts","import":"./main.js"}}}',
  );
  write('node_modules/only-import/main.js', module('only-import'));
  write('throws.mjs', 'export const plugin = () => { throw new Error("no token"); };');
  write('waits.mjs', 'export const plugin = async () => ({});');
  expect((await loadPlugins(undefined, ['only-import'], folder)).map((p) => p.name)).toEqual(['only-import']);
  await expect(loadPlugins(undefined, ['./throws.mjs'], folder)).rejects.toThrow(
    'its factory failed: no token',
  );
  await expect(loadPlugins(undefined, ['./waits.mjs'], folder)).rejects.toThrow('returned a promise');
});
