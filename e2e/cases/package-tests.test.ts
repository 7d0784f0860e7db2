import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { buildPackage } from '../harness/build-package.ts';
import { type Finished, melange2 } from '../harness/melange2.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');

const recipe = (tests: string): string => `package:
  name: tested
  version: 1.0.0
  epoch: 0
environment:
  contents:
    packages: [busybox]
pipeline:
  - runs: |
      mkdir -p melange-out/tested/usr/bin
      printf '#!/bin/sh\\necho Hello\\n' > melange-out/tested/usr/bin/hello
      chmod 0755 melange-out/tested/usr/bin/hello
test:
  environment:
    contents:
      packages: [busybox]
  pipeline:
${tests}`;

/** Builds a package without a plugin, and tests it with what is in the folder then. */
async function buildAndTest(
  address: string,
  tests: string,
  args: readonly string[] = [],
  config?: string,
): Promise<Finished & { readonly dir: string; readonly again: () => Promise<Finished> }> {
  const dir = testFolder();
  mkdirSync(join(dir, 'source'));
  const file = join(dir, 'source/tested.yaml');
  writeFileSync(file, recipe(tests));
  const built = await buildPackage({ file, apkCache, address, world, dir });
  expect(built.code, built.stderr).toBe(0);
  if (config !== undefined) writeFileSync(join(dir, 'melange2.config.ts'), config);
  const from = ['-r', world.repository, '-k', world.keyring, '-r', built.repository, '--ignore-signatures'];
  const where = ['--arch', world.arch, '--apk-cache-dir', apkCache, '--progress', 'plain'];
  const env = {
    BUILDKIT_HOST: address,
    XDG_CACHE_HOME: join(dir, 'cache'),
    XDG_STATE_HOME: join(dir, 'state'),
  };
  const again = (): Promise<Finished> =>
    melange2(['test', file, ...from, ...where, ...args], { cwd: dir, env });
  return { ...(await again()), dir, again };
}

const plugin = `import { appendFileSync } from 'node:fs';
const name = 'of-tests';
const told = (hook: string, facts: object = {}): void =>
  appendFileSync('hooks.jsonl', JSON.stringify({ hook, ...facts }) + '\\n');
const plugin = {
  name,
  apiVersion: 1,
  apply({ hooks }: { hooks: any }) {
    hooks.modifyEnvironment.tapPromise(name, async (environment: any) => {
      told('modifyEnvironment');
      return { ...environment, packages: [...environment.packages, 'tar'] };
    });
    hooks.modifyPlan.tap(name, (plan: any) => {
      told('modifyPlan', { package: plan.package, outputs: plan.outputs, ids: plan.steps.map((s: any) => s.id) });
      return { ...plan, steps: plan.steps.map((s: any) => ({ ...s, env: { ...s.env, FROM_PLUGIN: 'planned' } })) };
    });
    hooks.definitionReady.tap(name, (definition: any, { version }: any) =>
      told('definitionReady', { vertices: definition.metadata.size > 3, version }));
    hooks.modifySolve.tapPromise(name, async (request: any) => void told('modifySolve', request));
    hooks.attachSession.tap(name, (session: any) => {
      told('attachSession');
      session.secret('acme', 'very-s3cret');
    });
    hooks.buildFinished.tapPromise(name, async ({ outcome }: any) => told('buildFinished', { outcome }));
  },
};
export default { plugins: [plugin] };
`;

describe.each(daemons)('on BuildKit %s', (_, address) => {
  test('a package is tested, and the hooks of what a test does are called', async () => {
    const steps = `    - name: Greets
      runs: test "$(hello)" = Hello
    - name: Sees
      runs: |
        echo "$FROM_PLUGIN $(printf very-%s s3cret)"
        tar --version | head -n 1
`;
    const { code, stdout, stderr, dir } = await buildAndTest(address, steps, [], plugin);
    expect(code, stderr).toBe(0);
    expect(stdout).toBe(`ok tested (${world.arch})\n`);
    expect(stderr).toContain('planned ***');
    expect(stderr).toMatch(/\(GNU tar\)/);
    const lines = readFileSync(join(dir, 'hooks.jsonl'), 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { hook: 'modifyEnvironment' },
      { hook: 'modifyPlan', package: 'tested', outputs: [], ids: ['test:tested/0', 'test:tested/1'] },
      { hook: 'definitionReady', vertices: true, version: '1.0.0-r0' },
      { hook: 'modifySolve', cacheImports: [], cacheExports: [], entitlements: [] },
      { hook: 'attachSession' },
      { hook: 'buildFinished', outcome: 'succeeded' },
    ]);
  });

  test('a step that fails behind much output is named, not the first', async () => {
    const steps = `    - name: Works
      runs: echo fine
    - name: Breaks
      runs: |
        seq 500
        frobnicate --now
`;
    const { code, stderr } = await buildAndTest(address, steps);
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/BUILD_STEP_FAILED: .*"Breaks"/);
    expect(stderr).toMatch(/tested\.yaml:23:\d+: error/);
  });

  test.each(['passes', 'fails'])(
    'a loud test that %s leaves its whole output, also from a cache',
    async (how) => {
      const lines = 60_000;
      const steps = `    - name: Loud
      runs: |
        i=0
        while [ $i -lt ${lines} ]; do i=$((i+1)); echo "line $i of very many lines that a test prints"; done
        ${how === 'fails' ? 'exit 3' : 'true'}
`;
      const { again, dir, ...first } = await buildAndTest(address, steps);
      for (const { code, stderr } of [first, await again()])
        expect(code, stderr.slice(-2000)).toBe(how === 'fails' ? 1 : 0);
      if (how === 'passes') expect((await again()).stderr).toContain('tested: test CACHED');
      const logs = execFileSync('find', [join(dir, 'state'), '-name', '*-test.log'], { encoding: 'utf8' });
      for (const file of logs.trim().split('\n')) {
        const log = readFileSync(file, 'utf8');
        expect(new Set(log.match(/^line \d+ of.*prints$/gm)).size, file).toBe(lines);
      }
    },
  );

  test('each step has the time it may take', async () => {
    const steps = `    - name: Quick
      runs: sleep 2; seq 500
    - name: Quick too
      runs: sleep 2
    - name: Hangs
      runs: |
        echo waiting ${Date.now()}
        sleep 300
    - name: Never
      runs: touch /tmp/never
`;
    const started = Date.now();
    const limits = ['--step-timeout', '10s', '--step-timeout', 'Hangs=3s', '--step-timeout', 'Quick=3500ms'];
    const { code, stderr } = await buildAndTest(address, steps, [...limits, '--step-timeout', 'Gone=1s']);
    expect(code, stderr).toBe(1);
    expect(stderr).toContain('BUILD_STEP_TIMED_OUT: The step "Hangs" of tested was stopped after 3.0s');
    expect(stderr).toContain(
      '--step-timeout names a step "Gone", which this build does not have; it has "Quick", "Quick too", "Hangs", "Never"',
    );
    expect(stderr).toMatch(/tested\.yaml:24:\d+: error BUILD_STEP_TIMED_OUT/);
    const [log = ''] = /\S+\.log/.exec(stderr) ?? [];
    expect(existsSync(log), stderr).toBe(true);
    expect(Date.now() - started).toBeLessThan(60_000);
  });
});
