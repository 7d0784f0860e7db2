import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { BuildRequest } from '../build-request.ts';
import type { BuildInputs } from './read-inputs.ts';
import { sourceFolder } from './source-folders.ts';

const root = mkdtempSync(join(tmpdir(), 'source-folders-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('sources are looked for beside the build file, not in the working directory', () => {
  const folder = join(root, 'recipes');
  mkdirSync(join(folder, 'app'), { recursive: true });
  mkdirSync(join(root, 'app'));
  writeFileSync(join(folder, 'app.yaml'), '');
  const request = {
    file: 'recipes/app.yaml',
    emptyWorkspace: false,
    outDir: join(root, 'packages'),
  } as BuildRequest;
  const inputs = { folder } as BuildInputs;
  const sent = (name: string): unknown =>
    Object.values(sourceFolder(request, inputs, name, 'id', { cwd: root, env: {} })?.dirs ?? {}).map(
      ({ path }) => path,
    );
  expect(sent('app')).toEqual([join(folder, 'app')]);
  expect(sent('other')).toEqual([folder]);
});
