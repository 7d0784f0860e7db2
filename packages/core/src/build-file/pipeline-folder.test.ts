import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { pipelineFolder } from './pipeline-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'pipeline-folder-'));
mkdirSync(join(folder, 'test/kinds.yaml'), { recursive: true });
writeFileSync(join(folder, 'own.yaml'), 'runs: echo');
writeFileSync(join(folder, 'test/docs.yaml'), 'runs: true');
writeFileSync(join(folder, 'readme.md'), '');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the pipelines of a folder are its YAML files, at any depth', () => {
  const catalogue = pipelineFolder(folder);
  expect(catalogue.resolve('own')).toEqual({
    text: 'runs: echo',
    file: join(folder, 'own.yaml'),
    builtIn: false,
  });
  expect(catalogue.resolve('test/docs')?.text).toBe('runs: true');
  expect(catalogue.names()).toEqual(['own', 'test/docs']);
});

test('names that no file has, or can have, are no pipelines', () => {
  const catalogue = pipelineFolder(folder);
  for (const name of ['nope', 'test', 'test/kinds', 'own/x', 'a'.repeat(5000), 'a\0b']) {
    expect(catalogue.resolve(name), name.slice(0, 10)).toBeUndefined();
  }
});

test('a folder that is not there is an error', () => {
  expect(() => pipelineFolder(join(folder, 'none'))).toThrow('it does not exist');
});
