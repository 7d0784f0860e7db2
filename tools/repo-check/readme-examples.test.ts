import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

interface Example {
  /** Folder of the package, from the root. */
  readonly folder: string;
  /** Line of the README at which the code begins. */
  readonly line: number;
  readonly code: string;
  /** What it prints. */
  readonly output: string;
}

const root = join(import.meta.dirname, '../..');

/** What an example needs besides its own package lies in `node_modules` of a folder of the end-to-end test that runs it. */
const needDaemon = new Set(['packages/buildkit-client']);

const folders = [
  'proto',
  ...['packages', 'plugins'].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => `${group}/${name}`),
  ),
].filter((folder) => existsSync(join(root, folder, 'package.json')));

const examples = folders
  .filter((folder) => existsSync(join(root, folder, 'README.md')) && !needDaemon.has(folder))
  .flatMap((folder): Example[] => {
    const readme = readFileSync(join(root, folder, 'README.md'), 'utf8');
    return [...readme.matchAll(/```ts\n(.*?)```\n+```text\n(.*?)```/gs)].map((match) => ({
      folder,
      line: readme.slice(0, match.index).split('\n').length + 1,
      code: match[1] ?? '',
      output: match[2] ?? '',
    }));
  });

/** Inside the package, where it finds itself and what it depends on by name. */
const fileOf = ({ folder, line }: Example): string => join(root, folder, 'out/readme', `line-${line}.ts`);

async function run(args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [...args], { cwd: root });
    return stdout;
  } catch (error) {
    const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
    return `exit ${String(code)}\n${stdout}${stderr}`;
  }
}

beforeAll(() => {
  for (const example of examples) {
    mkdirSync(join(root, example.folder, 'out/readme'), { recursive: true });
    writeFileSync(fileOf(example), example.code);
  }
});
afterAll(() => {
  for (const { folder } of examples)
    rmSync(join(root, folder, 'out/readme'), { recursive: true, force: true });
});

test('every package has a README', () => {
  expect(folders.filter((folder) => !existsSync(join(root, folder, 'README.md')))).toEqual([]);
});

test('every example in a README says what it prints', () => {
  const without = folders.filter((folder) => {
    const path = join(root, folder, 'README.md');
    if (!existsSync(path) || needDaemon.has(folder)) return false;
    const blocks = readFileSync(path, 'utf8').split('```ts\n').length - 1;
    return blocks !== examples.filter((example) => example.folder === folder).length;
  });
  expect(without).toEqual([]);
});

test('the examples compile', async () => {
  const folder = join(root, 'node_modules/.cache/readme-examples');
  mkdirSync(folder, { recursive: true });
  const project = join(folder, 'tsconfig.json');
  writeFileSync(
    project,
    JSON.stringify({
      extends: join(root, 'tools/tsconfig/base.json'),
      compilerOptions: {
        noEmit: true,
        composite: false,
        isolatedDeclarations: false,
        declaration: false,
        declarationMap: false,
        rootDir: root,
        typeRoots: [join(root, 'node_modules/@types')],
      },
      files: examples.map(fileOf),
      include: [],
    }),
  );
  expect(await run([join(root, 'node_modules/typescript/bin/tsc'), '-p', project])).toBe('');
});

describe('an example prints what stands under it', { concurrent: true }, () => {
  for (const example of examples) {
    test(`${example.folder}/README.md:${example.line}`, async () => {
      const printed = await run(['--conditions=x-source', '--no-warnings', fileOf(example)]);
      expect(printed.trimEnd()).toBe(example.output.trimEnd());
    });
  }
});
