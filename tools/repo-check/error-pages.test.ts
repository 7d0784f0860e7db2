import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');

/** Codes stand in the `errors.ts` of each package, as the keys of its catalogue. */
async function codes(): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const group of ['packages', 'plugins']) {
    for (const name of readdirSync(join(root, group))) {
      const file = join(root, group, name, 'src/errors.ts');
      if (!existsSync(file)) continue;
      const { errors } = (await import(file)) as { errors: Record<string, unknown> };
      for (const code of Object.keys(errors))
        found.set(code, [...(found.get(code) ?? []), `${group}/${name}`]);
    }
  }
  return found;
}

const pages = existsSync(join(root, 'docs/errors'))
  ? readdirSync(join(root, 'docs/errors'))
      .filter((f) => f !== 'README.md')
      .map((f) => f.replace(/\.md$/, ''))
  : [];

test('every error code has a page, and every page a code', async () => {
  const known = await codes();
  expect(
    [...known.keys()].filter((c) => !pages.includes(c)),
    'codes without docs/errors page',
  ).toEqual([]);
  expect(
    pages.filter((p) => !known.has(p)),
    'pages without a code',
  ).toEqual([]);
});

test('every error code is named in a test', async () => {
  const tests = globSync(['{packages,plugins}/*/src/**/*.test.ts', 'e2e/cases/**/*.test.ts'], { cwd: root });
  const named = new Set(
    tests.flatMap((file) => readFileSync(join(root, file), 'utf8').match(/[A-Z0-9]+(?:_[A-Z0-9]+)+/g) ?? []),
  );
  expect([...(await codes()).keys()].filter((code) => !named.has(code))).toEqual([]);
});

test('a code belongs to one package and is written AREA_WHAT', async () => {
  const known = await codes();
  expect([...known].filter(([, owners]) => owners.length > 1)).toEqual([]);
  expect([...known.keys()].filter((c) => !/^[A-Z0-9]+(_[A-Z0-9]+)+$/.test(c))).toEqual([]);
});

test('a page starts with its code and says what to do', () => {
  const bad = pages.filter((p) => {
    const text = readFileSync(join(root, 'docs/errors', `${p}.md`), 'utf8');
    return !text.startsWith(`# ${p}\n`) || !text.includes('\n## What to do\n');
  });
  expect(bad).toEqual([]);
});
