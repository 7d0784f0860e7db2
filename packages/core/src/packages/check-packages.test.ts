import { parseConfig } from '@melange2/config';
import { redactor } from '@melange2/diagnostics';
import { createBuildHooks } from '@melange2/plugin-api';
import { samplePackage } from '@melange2/plugin-api/testing';
import { expect, test } from 'vitest';
import { eventBus } from '../event-bus.ts';
import { checkPackages } from './check-packages.ts';

test('the findings of all packages are thrown together, under one code', async () => {
  const { value: config } = parseConfig('package: {name: a, version: 1, epoch: 0}\n', 'sample.yaml');
  if (config === undefined) throw new Error('it does not parse');
  const hooks = createBuildHooks();
  const host = { env: {}, cwd: '/', now: () => 0, version: '1.0.0' };
  const kernel = { hooks, host, redactor: redactor([]) };
  const bus = eventBus(hooks, host.now, kernel.redactor, () => {});
  const packages = ['a', 'b'].map((name) => samplePackage({ 'opt/file': 'x' }, name));
  const check = (lintRequire: readonly string[]): Promise<void> => {
    const request = { lintRequire, lintWarn: [], persistLintResults: false, outDir: '/out' };
    return checkPackages(packages, config, { kernel, bus, architecture: 'x86_64', request });
  };
  await expect(check([])).resolves.toBeUndefined();
  await expect(check(['opt'])).rejects.toMatchObject({
    code: 'BUILD_PACKAGE_REFUSED',
    details: { packages: ['a', 'b'], count: 2 },
    diagnostics: [{ message: expect.stringContaining('opt/file') }, {}],
  });
});
