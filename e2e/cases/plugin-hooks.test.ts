import { execFileSync, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { buildPackage, type BuiltPackages } from '../harness/build-package.ts';
import { melange2 } from '../harness/melange2.ts';
import { testFolder } from '../harness/test-folder.ts';

const daemons = Object.entries(inject('daemons'));
const world = inject('world');
const apkCache = inject('apkCache');

/** Taps every hook: writes down each call, and changes something that shows in what the build makes. */
const config = `import { appendFileSync, existsSync } from 'node:fs';

const name: string = 'every-hook';
const told = (hook: string, facts: object = {}): void =>
  appendFileSync('hooks.jsonl', JSON.stringify({ hook, ...facts }) + '\\n');

const plugin = {
  name,
  apiVersion: 1,
  apply({ hooks }: { hooks: any }) {
    hooks.initialized.tap(name, (info: any) => told('initialized', info));
    hooks.modifyConfig.tapPromise(name, async (config: any, context: any) => {
      told('modifyConfig', { file: context.file });
      return { ...config, package: { ...config.package, description: 'changed by a plugin' } };
    });
    hooks.checkConfig.tap(name, (config: any, report: any) => {
      told('checkConfig', { description: config.package.description });
      report.report({ code: 'ACME_NAME', severity: 'warning', message: 'a policy speaks', span: config.package.at.value('name') });
    });
    hooks.resolvePipeline.tapPromise(name, async (uses: string, context: any) => {
      told('resolvePipeline', { uses, file: context.file });
      if (uses !== 'acme/hello' && uses !== 'acme/native') return undefined;
      return { text: 'name: ' + uses + '\\nruns: echo pipeline of a plugin > melange-out/hooks/etc/hello\\n', file: uses + '.yaml', builtIn: false };
    });
    hooks.modifyEnvironment.tapPromise(name, async (environment: any, context: any) => {
      told('modifyEnvironment', { package: context.package, version: context.version, architecture: context.architecture });
      return { ...environment, packages: [...environment.packages, 'tar'] };
    });
    hooks.modifyPlan.tap(name, (plan: any) => {
      told('modifyPlan', { steps: plan.steps.length });
      return { ...plan, steps: plan.steps.map((s: any) => ({ ...s, env: { ...s.env, FROM_PLUGIN: 'planned' } })) };
    });
    hooks.modifyCacheMounts.tap(name, (mounts: any, step: any) => {
      told('modifyCacheMounts', { uses: step.uses, planned: step.env.FROM_PLUGIN });
      return [...mounts, { name: 'acme', target: '/var/acme', sharing: 'shared', env: { ACME_CACHE: '/var/acme' }, identity: [], plugin: name }];
    });
    hooks.lowerStep.for('acme/native').tap(name, (step: any, context: any) => {
      told('lowerStep', { id: step.id, steps: context.plan.steps.length });
      return context.before.run({ args: ['/bin/sh', '-c', 'echo native > /home/build/melange-out/hooks/etc/native'], network: 'none' }).root;
    });
    hooks.definitionReady.tap(name, (definition: any, context: any) =>
      told('definitionReady', { vertices: definition.metadata.size > 5, architecture: context.architecture }));
    hooks.resolveCacheBackend.for('acme').tap(name, (cache: any) => {
      told('resolveCacheBackend', cache);
      return { type: 'local', attributes: { dest: 'acme-cache' } };
    });
    hooks.resolveExporter.for('acme').tap(name, (target: any) => {
      told('resolveExporter', target);
      return {
        export: async (source: any) => {
          let bytes = 0;
          for await (const chunk of await source.openTar(new AbortController().signal)) bytes += chunk.length;
          told('exported', { some: bytes > 10_000, workingDir: source.config.workingDir });
          return { location: 'acme:' + target.ref };
        },
      };
    });
    hooks.modifySolve.tapPromise(name, async (request: any, context: any) => {
      told('modifySolve', { cacheExports: request.cacheExports, version: context.version });
      return { ...request, cacheExports: [] };
    });
    hooks.attachSession.tap(name, (session: any) => {
      told('attachSession');
      session.secret('acme', 'very-s3cret');
    });
    hooks.eventReceived.tap(name, (event: any) => {
      if (['buildStarted', 'packageWritten', 'buildFinished'].includes(event.type)) told('eventReceived', { type: event.type });
    });
    hooks.modifyPackage.tapPromise(name, async (pkg: any, context: any) => {
      told('modifyPackage', { package: pkg.recipe.name, architecture: context.architecture });
      return { ...pkg, found: { ...pkg.found, depends: [...pkg.found.depends, 'acme-runtime>=1'] } };
    });
    hooks.checkPackage.tapPromise(name, async (pkg: any, report: any) => {
      told('checkPackage', { package: pkg.recipe.name, depends: pkg.dependencies.depends, sbom: pkg.tree.get('var/lib/db/sbom') !== undefined });
      report.report({ code: 'ACME_PACKAGE', severity: 'warning', message: 'a package policy speaks' });
      report.lint({ name: 'acme/hello', level: 'warn', explain: 'Say less.', check: ({ tree }: any) => tree.get('etc/hello') === undefined ? [] : [{ message: 'it says hello', details: { paths: ['etc/hello'] } }] });
    });
    hooks.packageEmitted.tapPromise(name, async (artifact: any, context: any) =>
      told('packageEmitted', { there: existsSync(artifact.path), index: existsSync('packages/' + context.architecture + '/APKINDEX.tar.gz') }));
    hooks.buildFinished.tapPromise(name, async (summary: any) =>
      told('buildFinished', { outcome: summary.outcome, packages: summary.packages.length, code: summary.error?.code }));
    hooks.closed.tapPromise(name, async () => told('closed'));
  },
};

export default { plugins: [plugin] };
`;

const recipe = (last: string): string => `package:
  name: hooks
  version: 1.0.0
  epoch: 0
  description: as written
  checks:
    disabled: [acme/hello, acme/helo]
environment:
  contents:
    packages: [busybox]
pipeline:
  - runs: mkdir -p melange-out/hooks/etc
  - uses: acme/hello
  - uses: acme/native
  - runs: |
      echo "$FROM_PLUGIN $ACME_CACHE $(printf very-%s s3cret)" | tee melange-out/hooks/etc/seen
      grep -q ' /var/acme ' /proc/self/mountinfo
      tar --version | head -n 1
      : ${randomUUID()}
      ${last}
`;

interface Call {
  readonly hook: string;
  readonly [fact: string]: unknown;
}

interface Built extends BuiltPackages {
  readonly calls: readonly Call[];
  readonly dir: string;
}

async function build(address: string, last: string, args: readonly string[]): Promise<Built> {
  const dir = testFolder();
  mkdirSync(join(dir, 'deep/er'), { recursive: true });
  writeFileSync(join(dir, 'melange2.config.ts'), config);
  const file = join(dir, 'deep/er/hooks.yaml');
  writeFileSync(file, recipe(last));
  const built = await buildPackage({ file, apkCache, address, world, dir, args });
  const lines = readFileSync(join(dir, 'hooks.jsonl'), 'utf8').trim().split('\n');
  return { ...built, dir, calls: lines.map((line) => JSON.parse(line) as Call) };
}

describe.each(daemons)('on BuildKit %s', (age, address) => {
  test('each hook is called at its moment, and what its tap returns counts', async () => {
    const built = await build(address, 'true', ['--cache-to', 'type=acme,ref=x']);
    expect(built, built.stderr).toMatchObject({ code: 0 });
    const { calls } = built;
    const facts = (hook: string): Omit<Call, 'hook'>[] =>
      calls.filter((c) => c.hook === hook).map(({ hook: _name, ...rest }) => rest);
    const where = { architecture: world.arch };

    const others = calls.filter((c) => c.hook !== 'eventReceived');
    expect(others.map((c) => c.hook).filter((h, i, all) => h !== all[i - 1])).toEqual([
      'initialized',
      'modifyConfig',
      'checkConfig',
      'resolvePipeline',
      'modifyEnvironment',
      'modifyPlan',
      'modifyCacheMounts',
      'lowerStep',
      'definitionReady',
      'resolveCacheBackend',
      'modifySolve',
      'attachSession',
      'modifyPackage',
      'checkPackage',
      'packageEmitted',
      'buildFinished',
      'closed',
    ]);
    expect(facts('initialized')).toEqual([{ version: expect.stringMatching(/^\d+\.\d+\.\d+/) as string }]);
    expect(facts('modifyConfig')).toEqual([
      { file: expect.stringContaining('deep/er/hooks.yaml') as string },
    ]);
    expect(facts('checkConfig')).toEqual([{ description: 'changed by a plugin' }]);
    expect(facts('resolvePipeline').map((f) => f['uses'])).toEqual(['acme/hello', 'acme/native']);
    expect(facts('modifyEnvironment')).toEqual([{ package: 'hooks', version: '1.0.0-r0', ...where }]);
    expect(facts('modifyPlan')).toEqual([{ steps: 4 }]);
    expect(facts('modifyCacheMounts')).toEqual(
      [[], ['acme/hello'], ['acme/native'], []].map((uses) => ({ uses, planned: 'planned' })),
    );
    expect(facts('lowerStep')).toEqual([{ id: 'hooks/2', steps: 4 }]);
    expect(facts('definitionReady')).toEqual([{ vertices: true, ...where }]);
    expect(facts('resolveCacheBackend')).toEqual([{ type: 'acme', attributes: { ref: 'x' } }]);
    expect(facts('modifySolve')).toEqual([
      {
        version: '1.0.0-r0',
        cacheExports: [{ type: 'local', attributes: { mode: 'max', dest: join(built.dir, 'acme-cache') } }],
      },
    ]);
    expect(facts('attachSession')).toHaveLength(1);
    expect(facts('eventReceived').map((f) => f['type'])).toEqual([
      'buildStarted',
      'packageWritten',
      'buildFinished',
    ]);
    expect(facts('modifyPackage')).toEqual([{ package: 'hooks', ...where }]);
    expect(facts('checkPackage')).toEqual([{ package: 'hooks', depends: ['acme-runtime>=1'], sbom: false }]);
    expect(facts('packageEmitted')).toEqual([{ there: true, index: false }]);
    expect(facts('buildFinished')).toEqual([{ outcome: 'succeeded', packages: 1 }]);

    expect(built.stderr).toContain('hooks.yaml:2:9: warning ACME_NAME: a policy speaks');
    expect(built.stderr).toContain('warning ACME_PACKAGE: a package policy speaks');
    expect(built.stderr).toContain('warning LINT_FINDING: [acme/hello] it says hello: etc/hello.');
    expect(built.stderr).toContain(
      'hooks.yaml:7:28: warning CONFIG_CHECK_UNKNOWN: There is no check "acme/helo" to disable. Did you mean "acme/hello"?',
    );
    expect(built.stderr).not.toContain('no check "acme/hello"');
    expect(built.stderr).toContain('planned /var/acme ***');
    expect(built.stderr).not.toContain('very-s3cret');
    expect(built.stderr).toMatch(/\(GNU tar\)/);
    const apk = join(built.repository, world.arch, 'hooks-1.0.0-r0.apk');
    const unpack = (path: string): string =>
      execFileSync('tar', ['-xzOf', apk, path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(unpack('.PKGINFO')).toMatch(/^pkgdesc = changed by a plugin$/m);
    expect(unpack('.PKGINFO')).toMatch(/^depend = acme-runtime>=1$/m);
    expect(unpack('etc/hello')).toBe('pipeline of a plugin\n');
    expect(unpack('etc/native')).toBe('native\n');
  });

  test('a failed build is exported by the plugin for the kind, and told as failed', async () => {
    const args = ['--export-on-failure', 'acme', '--export-ref', 'there'];
    const { calls, code, dir, stderr } = await build(address, 'exit 7', args);
    expect(code, stderr).toBe(1);
    expect(calls.filter((c) => c.hook === 'resolveExporter')).toEqual([
      { hook: 'resolveExporter', kind: 'acme', ref: 'there', attributes: {} },
    ]);
    expect(calls.filter((c) => c.hook === 'exported')).toEqual([
      { hook: 'exported', some: true, workingDir: '/home/build' },
    ]);
    expect(stderr).toContain('exported the failed state to acme:there');
    const [lines = ''] = /The last lines of the step:[^]*?\n\n/.exec(stderr) ?? [];
    expect(lines).toContain('planned /var/acme ***');
    const logs = join(dir, 'state/melange2/builds');
    expect(execFileSync('grep', ['-rl', '--', '/var/acme ', logs], { encoding: 'utf8' })).toMatch(/\.log\n/);
    expect(spawnSync('grep', ['-r', 'very-s3cret', logs], { encoding: 'utf8' }).stdout).toBe('');
    // Afterwards, a shell in the failed state has the caches of the step; before 0.11 no daemon opens one.
    const shell = await melange2(['shell', '-c', 'test -d /var/acme && echo cached'], {
      cwd: dir,
      env: { XDG_STATE_HOME: join(dir, 'state'), XDG_CACHE_HOME: join(dir, 'cache') },
    });
    if (shell.code === 0) expect(shell.stdout).toBe('cached\n');
    else expect(age, shell.stderr).toBe('0.8');
    expect(calls.slice(-2)).toEqual([
      { hook: 'buildFinished', outcome: 'failed', packages: 0, code: 'BUILD_STEP_FAILED' },
      { hook: 'closed' },
    ]);
  });
});
