import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBuildHooks } from '@melange2/plugin-api';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { applyPlugins } from './apply-plugins.ts';
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

test('a failing tap is reported with its plugin and its hook, sync or async', async () => {
  const hooks = createBuildHooks();
  applyPlugins(hooks, [
    {
      name: 'bad-plugin',
      apiVersion: 1,
      apply: ({ hooks: h }) => {
        h.initialized.tap('bad-plugin', () => {
          throw new Error('boom');
        });
        h.closed.tapPromise('bad-plugin', async () => {
          await Promise.resolve();
          throw new Error('later');
        });
      },
    },
  ]);
  expect(() => hooks.initialized.call({ version: '1' })).toThrow(
    'The plugin bad-plugin failed in initialized: boom',
  );
  await expect(hooks.closed.promise()).rejects.toThrow('The plugin bad-plugin failed in closed: later');
});

test('plugins of another API, of the wrong shape, or twice are refused', () => {
  const good = { name: 'p', apiVersion: 1, apply: (): void => {} };
  const codes = [[{ ...good, apiVersion: 2 }], [(() => good) as never], [good, good]].map((plugins) => {
    try {
      applyPlugins(createBuildHooks(), plugins);
      return undefined;
    } catch (error) {
      return (error as { code: string }).code;
    }
  });
  expect(codes).toEqual(['PLUGIN_API_MISMATCH', 'PLUGIN_INVALID', 'PLUGIN_DUPLICATE']);
});
