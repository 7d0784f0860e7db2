import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtinCatalogue } from './builtin-catalogue.ts';

test('the embedded pipelines are those in the folder', () => {
  execFileSync(process.execPath, [join(import.meta.dirname, '../generate.mjs'), '--check'], {
    stdio: 'inherit',
  });
});

test('a pipeline is found by its path without its ending, and nothing else is found', () => {
  expect(builtinCatalogue.resolve('autoconf/make')).toMatchObject({
    file: 'builtin:autoconf/make.yaml',
    builtIn: true,
  });
  for (const name of ['autoconf', 'autoconf/make.yaml', './fetch', 'constructor', 'Fetch', '']) {
    expect(builtinCatalogue.resolve(name)).toBeUndefined();
  }
});
