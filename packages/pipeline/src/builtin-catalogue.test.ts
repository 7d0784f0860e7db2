import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { builtinCatalogue } from './builtin-catalogue.ts';
import { describePipeline } from './describe-pipeline.ts';

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

const descriptions = builtinCatalogue.names().map((name) => describePipeline(builtinCatalogue, name)!);

test('every pipeline and every input is described, and types are of a few kinds', () => {
  const types = new Set<string>();
  for (const { name, title, description, inputs } of descriptions) {
    expect(title, name).not.toBe(name);
    expect(description, name).not.toBe('');
    for (const input of inputs) {
      expect(input.description, `${name}: ${input.name}`).not.toBe('');
      types.add(input.type);
    }
  }
  const text = 'boolean commit integer lines list options package path script sha256 sha512 string uri';
  expect([...types].toSorted()).toEqual(text.split(' '));
});

interface Interface {
  readonly source: 'melange' | 'melange2';
  readonly uses: string;
  readonly needs?: readonly string[];
  readonly inputs?: Readonly<
    Record<string, { readonly required?: boolean; readonly default?: string | number | boolean }>
  >;
}

const vectors = process.env['MELANGE2_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors');
const recorded = join(vectors, 'compile/builtin-pipelines.json');
if (!existsSync(recorded)) process.stderr.write(`skipped: there is no ${recorded}\n`);

// Where melange2 (Go) needs less than melange, ours needs what melange does.
const moreNeeds = ['autoconf/configure', 'go/build', 'go/install'];

test.skipIf(!existsSync(recorded))('inputs, defaults and needs are those of the reference programs', () => {
  const all = JSON.parse(readFileSync(recorded, 'utf8')) as readonly Interface[];
  for (const { source, uses, needs = [], inputs = {} } of all) {
    const ours = descriptions.find(({ name }) => name === uses);
    if (source === 'melange' || !moreNeeds.includes(uses)) expect(ours?.needs, uses).toEqual(needs);
    for (const [name, { required = false, default: value }] of Object.entries(inputs)) {
      const text = value === undefined || value === '' ? undefined : String(value);
      const found = ours?.inputs.find((input) => input.name === name);
      expect(found, `${uses}: ${name}`).toMatchObject({ required, default: text });
    }
    if (source === 'melange') {
      expect(ours?.inputs.map(({ name }) => name).toSorted(), uses).toEqual(Object.keys(inputs).toSorted());
    }
  }
  const melanges = new Set(all.map(({ uses }) => uses));
  expect(builtinCatalogue.names().filter((name) => !melanges.has(name))).toEqual([]);
});

test('the guide tells of each of them', () => {
  const guide = readFileSync(join(import.meta.dirname, '../../../docs/pipelines.md'), 'utf8');
  const told = [...guide.matchAll(/^\| `([^`]+)` +\| (.*?) +\|$/gm)].map(
    ([, name, title]) => `${name}: ${title}`,
  );
  expect(told).toEqual(descriptions.map(({ name, title }) => `${name}: ${title}`));
});
