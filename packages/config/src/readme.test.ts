import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const examples = [...readme.matchAll(/```ts\n(.*?)```\n+```text\n(.*?)```/gs)].map(
  ([, code = '', output = '']) => ({ code, output }),
);
const out = join(root, 'out/readme');

function run(args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: out, encoding: 'utf8' });
  return status === 0 ? stdout : `exit ${status}\n${stdout}${stderr}`;
}

test('each example in the README compiles and prints what stands under it', { timeout: 60_000 }, () => {
  expect(examples).toHaveLength(readme.split('```ts\n').length - 1);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  for (const [i, { code }] of examples.entries()) writeFileSync(join(out, `example-${i + 1}.ts`), code);
  writeFileSync(
    join(out, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../../../tools/tsconfig/base.json',
      compilerOptions: {
        noEmit: true,
        composite: false,
        isolatedDeclarations: false,
        declaration: false,
        declarationMap: false,
        rootDir: '../../../..',
      },
      include: ['*.ts'],
    }),
  );
  expect(run([join(root, '../../node_modules/typescript/bin/tsc'), '-p', out])).toBe('');
  for (const [i, { output }] of examples.entries()) {
    const printed = run(['--conditions=x-source', '--no-warnings', join(out, `example-${i + 1}.ts`)]);
    expect(printed.trimEnd()).toBe(output.trimEnd());
  }
});
