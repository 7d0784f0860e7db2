import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { staticBusybox } from '../harness/busybox.ts';

const root = join(import.meta.dirname, '../..');
const out = join(root, 'packages/buildkit-client/out/readme');
const readme = readFileSync(join(root, 'packages/buildkit-client/README.md'), 'utf8');
const examples = [
  ...readme.matchAll(/## ([^\n]*)\n(?:(?!\n## ).)*?```ts\n(.*?)```\n+```text\n(.*?)```/gs),
].map(([, title = '', code = '', output = '']) => ({ title, code, output }));
const daemons = inject('daemons');
const newest = daemons['host'] ?? daemons['0.25'] ?? daemons['0.13'];

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: out,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 60_000,
  });
  return status === 0 ? stdout : `exit ${status}\n${stdout}${stderr}`;
}

describe('the README of the client', () => {
  test('has examples, and they compile', async () => {
    expect(examples).toHaveLength(readme.split('```ts\n').length - 1);
    rmSync(out, { recursive: true, force: true });
    mkdirSync(join(out, 'rootfs/bin'), { recursive: true });
    // llb is a neighbour of the client for whoever installs both, not in this workspace.
    mkdirSync(join(out, 'node_modules/@melange2'), { recursive: true });
    for (const name of ['llb', 'buildkit-client'])
      spawnSync('ln', ['-s', join(root, 'packages', name), join(out, 'node_modules/@melange2', name)]);
    copyFileSync(await staticBusybox(), join(out, 'rootfs/bin/busybox'));
    chmodSync(join(out, 'rootfs/bin/busybox'), 0o755);
    for (const [i, { code }] of examples.entries()) writeFileSync(join(out, `example-${i}.ts`), code);
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
          typeRoots: ['../../../../node_modules/@types'],
        },
        include: ['*.ts'],
      }),
    );
    expect(run([join(root, 'node_modules/typescript/bin/tsc'), '-p', out])).toBe('');
  });

  test.skipIf(newest === undefined).each(examples.map((example, i) => ({ ...example, i })))(
    '$title: the example prints what stands under it',
    ({ i, output }) => {
      const printed = run(['--conditions=x-source', '--no-warnings', join(out, `example-${i}.ts`)], {
        BUILDKIT_HOST: newest,
      });
      expect(printed).toBe(output);
    },
  );
});
