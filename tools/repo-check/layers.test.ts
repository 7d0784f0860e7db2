import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { allowedImports, pluginFamilies } from './layers.ts';

const root = join(import.meta.dirname, '../..');

interface Found {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
  readonly file: string;
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((e) => e.isFile() && e.name.endsWith('.ts'))
    .map((e) => join(e.parentPath, e.name))
    .filter((f) => !f.includes('/node_modules/') && !f.includes('/dist/') && !f.includes('/generated/'));
}

function importsOf(from: string, folder: string): Found[] {
  return sources(join(folder, 'src')).flatMap((file) => {
    // Templates hold the imports of packages that are not written yet.
    if (file.endsWith('.test.ts') || /\/(testing|templates)\//.test(file)) return [];
    const text = readFileSync(file, 'utf8');
    const found: Found[] = [];
    for (const match of text.matchAll(
      /\b(import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'(@melange2\/[^'/]+)[^']*'/g,
    )) {
      found.push({ from, to: match[3]!.slice('@melange2/'.length), typeOnly: match[2] !== undefined, file });
    }
    for (const match of text.matchAll(/\bimport\('(@melange2\/[^'/]+)[^']*'\)/g)) {
      found.push({ from, to: match[1]!.slice('@melange2/'.length), typeOnly: false, file });
    }
    return found;
  });
}

const packages = readdirSync(join(root, 'packages'));
const plugins = readdirSync(join(root, 'plugins'));

test('every import between workspace packages is in the table of ARCHITECTURE.md', () => {
  const bad: string[] = [];
  for (const name of packages) {
    const rule = allowedImports[name];
    if (rule === undefined) {
      bad.push(`packages/${name} is not in the table (tools/repo-check/layers.ts)`);
      continue;
    }
    for (const found of importsOf(name, join(root, 'packages', name))) {
      const ok = rule.values.includes(found.to) || (found.typeOnly && rule.types.includes(found.to));
      if (!ok && found.to !== name)
        bad.push(
          `${found.file.slice(root.length + 1)} imports ${found.to}${found.typeOnly ? ' (types)' : ''}`,
        );
    }
  }
  for (const name of plugins) {
    const family = pluginFamilies[name.split('-')[0]!];
    const allowed = ['plugin-api', 'diagnostics', ...(family ?? [])];
    for (const found of importsOf(name, join(root, 'plugins', name))) {
      if (!allowed.includes(found.to)) bad.push(`${found.file.slice(root.length + 1)} imports ${found.to}`);
    }
  }
  expect(bad).toEqual([]);
});

test('no file imports across a package boundary by path', () => {
  const bad = [...packages.map((p) => `packages/${p}`), ...plugins.map((p) => `plugins/${p}`)].flatMap(
    (folder) =>
      sources(join(root, folder, 'src')).filter((file) => {
        const depth = file.slice(join(root, folder, 'src').length + 1).split('/').length - 1;
        return [...readFileSync(file, 'utf8').matchAll(/from '((?:\.\.\/)+)/g)].some(
          (m) => m[1]!.length / 3 > depth,
        );
      }),
  );
  expect(bad).toEqual([]);
});

test('every workspace dependency is a project reference, and the other way round', () => {
  const bad: string[] = [];
  for (const folder of [...packages.map((p) => `packages/${p}`), ...plugins.map((p) => `plugins/${p}`)]) {
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Record<
      string,
      Record<string, string> | undefined
    >;
    const config = JSON.parse(readFileSync(join(root, folder, 'tsconfig.json'), 'utf8')) as {
      references?: { path: string }[];
    };
    const dependencies = Object.keys({ ...manifest['dependencies'], ...manifest['peerDependencies'] })
      .filter((d) => d.startsWith('@melange2/'))
      .map((d) => d.slice('@melange2/'.length))
      .toSorted();
    const references = (config.references ?? []).map((r) => r.path.split('/').at(-1)!).toSorted();
    if (JSON.stringify(dependencies) !== JSON.stringify(references)) {
      bad.push(`${folder}: dependencies ${dependencies.join(' ')} / references ${references.join(' ')}`);
    }
  }
  expect(bad).toEqual([]);
});
