import { redactor } from '@melange2/diagnostics';
import { type BuildHooks, createBuildHooks, type Plugin } from '@melange2/plugin-api';
import type { BuildEvent } from '@melange2/progress';
import { expect, test } from 'vitest';
import { applyPlugins } from './apply-plugins.ts';
import { callAll } from './call-all.ts';
import { eventBus } from '../event-bus.ts';

function applied(
  ...plugins: readonly (readonly [name: string, apply: (hooks: BuildHooks) => void])[]
): BuildHooks {
  const hooks = createBuildHooks();
  applyPlugins(
    hooks,
    plugins.map(([name, apply]) => ({ name, apiVersion: 1, apply: (context) => apply(context.hooks) })),
  );
  return hooks;
}

function boom(): never {
  throw new Error('boom');
}

test('a failing tap is reported with its plugin and its hook, whatever name and way it tapped by', async () => {
  const hooks = applied([
    'bad-plugin',
    (h) => {
      h.initialized.tap('another name', boom);
      h.lowerStep.for('fetch').tap('bad-plugin', boom);
      h.modifyConfig.tapPromise('bad-plugin', async () => boom());
      h.modifySolve.tapAsync('bad-plugin', (_request, _context, done) => done(new Error('later')));
      // An async function where a plain one is wanted: tapable alone would lose its failure.
      const plain: () => unknown = async () => boom();
      h.packageEmitted.tap('bad-plugin', plain);
    },
  ]);
  const said = 'The plugin bad-plugin failed in ';
  expect(() => hooks.initialized.call({ version: '1' })).toThrow(`${said}initialized: boom`);
  expect(() => hooks.lowerStep.for('fetch').call({} as never, {} as never)).toThrow(
    `${said}lowerStep[fetch]: boom`,
  );
  await expect(hooks.modifyConfig.promise({} as never, {} as never)).rejects.toThrow(
    `${said}modifyConfig: boom`,
  );
  await expect(hooks.modifySolve.promise({} as never, {} as never)).rejects.toThrow(
    `${said}modifySolve: later`,
  );
  await expect(hooks.packageEmitted.promise({} as never, {} as never)).rejects.toThrow(
    `${said}packageEmitted: boom`,
  );
});

test('a result that the hook cannot use is a failure of the plugin, not a crash further on', async () => {
  const hooks = applied([
    'bad-plugin',
    (h) => {
      h.modifyPlan.tap('bad-plugin', (async () => ({})) as never);
      h.modifyCacheMounts.tap('bad-plugin', (() => 'none') as never);
      h.modifyPackage.tapPromise('bad-plugin', (async () => null) as never);
    },
  ]);
  expect(() => hooks.modifyPlan.call({} as never, {} as never)).toThrow(
    'failed in modifyPlan: it returned a promise',
  );
  expect(() => hooks.modifyCacheMounts.call([], {} as never)).toThrow('it returned a string where a list');
  await expect(hooks.modifyPackage.promise({} as never, {} as never)).rejects.toThrow(
    'it returned null where an object',
  );
});

test('undefined passes a value on as it is, and taps run in the order of the plugins', async () => {
  const hooks = applied(
    ['first', (h) => h.modifyEnvironment.tapPromise('first', async (e) => ({ ...e, packages: ['first'] }))],
    ['none', (h) => h.modifyEnvironment.tapPromise('none', async () => undefined as never)],
    ['last', (h) => h.modifyEnvironment.tap('last', (e) => ({ ...e, packages: [...e.packages, 'last'] }))],
  );
  const empty = { packages: [], repositories: [], keyring: [] };
  const { packages } = await hooks.modifyEnvironment.promise(empty, {} as never);
  expect(packages).toEqual(['first', 'last']);
});

test('the first answer counts where one is asked for', () => {
  const backend = (type: string) => () => ({ type, attributes: {} });
  const hooks = applied(
    ['none', (h) => h.resolveCacheBackend.for('x').tap('none', () => undefined)],
    ['one', (h) => h.resolveCacheBackend.for('x').tap('one', backend('one'))],
    ['two', (h) => h.resolveCacheBackend.for('x').tap('two', backend('two'))],
  );
  expect(hooks.resolveCacheBackend.for('x').call({} as never)?.type).toBe('one');
  expect(hooks.resolveCacheBackend.for('y').call({} as never)).toBeUndefined();
});

test('plugins of another API, of the wrong shape, or twice are refused, and apply fails by name', () => {
  const good: Plugin = { name: 'p', apiVersion: 1, apply: () => {} };
  const codes = [
    [{ ...good, apiVersion: 2 }],
    [(() => good) as never],
    [undefined as never],
    [{ ...good, name: '' }],
    [good, good],
    [{ ...good, apply: boom }],
    [{ ...good, apply: (async () => {}) as never }],
  ].map((plugins) => {
    try {
      applyPlugins(createBuildHooks(), plugins);
      return undefined;
    } catch (error) {
      return (error as { code: string }).code;
    }
  });
  expect(codes).toEqual([
    'PLUGIN_API_MISMATCH',
    'PLUGIN_INVALID',
    'PLUGIN_INVALID',
    'PLUGIN_INVALID',
    'PLUGIN_DUPLICATE',
    'PLUGIN_HOOK_FAILED',
    'PLUGIN_HOOK_FAILED',
  ]);
});

test('a tap for events that fails is dropped with one warning; the others have every event', () => {
  const seen: string[] = [];
  const hear = (name: string) => (h: BuildHooks) =>
    h.eventReceived.tap(name, (event: BuildEvent) => {
      seen.push(`${name} ${event.type === 'notice' ? event.text : event.type}`);
    });
  const hooks = applied(
    ['a', hear('a')],
    [
      'bad',
      (h) => {
        hear('bad')(h);
        h.eventReceived.tap('bad', boom);
      },
    ],
    ['b', hear('b')],
  );
  const bus = eventBus(
    hooks,
    () => 0,
    redactor(),
    (error) => bus.emit({ type: 'notice', level: 'warning', text: (error as Error).message }),
  );
  const notice = (text: string): void => bus.emit({ type: 'notice', level: 'info', text });
  notice('1');
  notice('2');
  const warning = 'The plugin bad failed in eventReceived: boom';
  expect(seen.filter((s) => s.startsWith('b '))).toEqual(['b 1', `b ${warning}`, 'b 2']);
  expect(seen.filter((s) => s.startsWith('a '))).toEqual(['a 1', `a ${warning}`, 'a 2']);
  expect(seen.filter((s) => s.startsWith('bad '))).toHaveLength(3);
});

test('all taps are told of the end, and all failures are collected', async () => {
  const told: string[] = [];
  const end = (name: string, fails: boolean) => (h: BuildHooks) =>
    h.closed.tapPromise(name, async () => {
      told.push(name);
      if (fails) boom();
    });
  const one = applied(['a', end('a', true)], ['b', end('b', false)]);
  await expect(callAll('closed', one.closed, [])).rejects.toMatchObject({ code: 'PLUGIN_HOOK_FAILED' });
  const two = applied(['c', end('c', true)], ['d', end('d', false)], ['e', end('e', true)]);
  await expect(callAll('closed', two.closed, [])).rejects.toMatchObject({
    code: 'PLUGIN_HOOKS_FAILED',
    diagnostics: [
      { message: 'The plugin c failed in closed: boom' },
      { message: 'The plugin e failed in closed: boom' },
    ],
  });
  expect(told).toEqual(['a', 'b', 'c', 'd', 'e']);
});
