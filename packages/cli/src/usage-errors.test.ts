import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { exitCodeOf } from './exit-code.ts';
import { runInFolder } from './testing/run-in-folder.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'usage-errors-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const buildFile = 'package: {name: a, version: "1"}\n';

test.each([
  [{}, ['compile'], 'CLI_NO_BUILD_FILE'],
  [{}, ['build'], 'CLI_NO_BUILD_FILE'],
  [{ 'a.yaml': buildFile }, ['compile', '--arch', 'sparc', 'a.yaml'], 'BUILD_ARCHITECTURE_UNKNOWN'],
  [{ 'a.yaml': buildFile }, ['build', '--cache-to', 'dest=x', 'a.yaml'], 'CACHE_SPEC_INVALID'],
  [{ 'a.yaml': buildFile }, ['build', '--build-date', 'soon', 'a.yaml'], 'BUILD_DATE_INVALID'],
  [{ 'melange2.config.js': 'throw new Error("oh");\n' }, ['build', 'a.yaml'], 'PLUGIN_CONFIG_INVALID'],
  [{ 'a.yaml': `${buildFile}vars: [a]\n` }, ['query', 'a.yaml', '{{.}}'], 'BUILD_FILE_INVALID'],
] as const)('with %o, %j ends with exit code 2 and %s', async (files, argv, code) => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const error: unknown = await runInFolder(folder, ...argv).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code });
  expect(exitCodeOf(code)).toBe(2);
});
