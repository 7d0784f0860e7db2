import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { copy, formatDefinition, image, local, marshal, scratch, type State } from '@melange2/llb';
import { expect, test } from 'vitest';
import { lower } from './lower.ts';
import { formatPlan } from './format-plan.ts';
import { plan } from './plan.ts';
import { compiled } from './testing/compile-text.ts';

const folder = join(import.meta.dirname, 'fixtures');
const text = readFileSync(join(folder, 'hello.yaml'), 'utf8');
const planned = plan(compiled(text), {
  sourceDateEpoch: 1_700_000_000,
  cacheMounts: (step) =>
    step.name === 'Configure'
      ? [{ kind: 'cache', id: 'ccache-1000', target: '/home/build/.ccache', sharing: 'shared' }]
      : [],
}).value!;

test('the plan of a package', async () => {
  await expect(formatPlan(planned)).toMatchFileSnapshot(join(folder, 'hello.plan.txt'));
});

const lowered = lower(planned, {
  base: image('example.org/base@sha256:cf04af86dc085268c5f4470fbae49b18afbc221b78096aab842d934a76bad0ab'),
  source: local('source'),
  sourceDateEpoch: 1_700_000_000,
  readSource: (file) => (file === 'app.yaml' ? text : undefined),
});
/** The graph with scripts and archives cut to their length: these have tests of their own. */
function shown(of: State): string {
  return formatDefinition(marshal(of, { platform: 'linux/amd64' })).replaceAll(/"(?:[^"\\]|\\.)*"/g, (text) =>
    text.length < 100 ? text : `<${(JSON.parse(text) as string).length} characters>`,
  );
}

const definition = marshal(lowered.output, { platform: 'linux/amd64' });

test('the graph of a package', async () => {
  await expect(shown(lowered.output)).toMatchFileSnapshot(join(folder, 'hello.llb.txt'));
});

test('every step has its lines of the build file in the source map', () => {
  const lines = [...definition.Source!.locations.values()].flatMap(({ locations }) =>
    locations.flatMap(({ ranges }) => ranges.map(({ start, end }) => [start?.line, end?.line])),
  );
  expect(lines).toEqual([
    [15, 15],
    [15, 15],
    [25, 26],
    [28, 28],
    [36, 36],
  ]);
  expect(definition.Source!.infos.map(({ filename }) => filename)).toEqual(['app.yaml']);
});

test('a file of the offline cache is mounted, and the step that wants it gets no network', () => {
  const asked: string[] = [];
  const { output } = lower(planned, {
    base: scratch(),
    sourceDateEpoch: 0,
    cached: (name) => {
      asked.push(name);
      return local('cache', { includePatterns: [name] });
    },
  });
  expect(asked).toEqual(['sha256:cf04af86dc085268c5f4470fbae49b18afbc221b78096aab842d934a76bad0ab']);
  expect(shown(output)).toContain('source local://cache');
  expect(shown(output)).not.toContain('source https:');
});

test('without native fetching the step downloads by itself', () => {
  const { output } = lower(planned, { base: scratch(), sourceDateEpoch: 0, nativeSources: false });
  expect(shown(output)).not.toContain('source https:');
  expect(shown(output)).not.toContain('network=none  /.melange2=%2(/log)  # melange2.step=hello/0.0');
});

test('a step can be replaced', () => {
  const { output, steps } = lower(planned, {
    base: scratch(),
    sourceDateEpoch: 0,
    lowerStep: (step, before) =>
      step.uses[0] === 'fetch' ? before.file(copy(local('mine'), '/', '/home/build/')) : undefined,
  });
  expect(steps[0]?.log).toBeUndefined();
  expect(shown(output)).toContain('local://mine');
});

test('the layers of many steps are brought together before there are more than a daemon takes', () => {
  const base = image('example.org/base').with({ env: { MARK: 'kept' } });
  const together = (layers: { readonly base: number; readonly max: number }): number[] => {
    const lines = shown(lower(planned, { base, sourceDateEpoch: 0, layers }).output).split('\n');
    return ['bring the layers of many steps together', 'MARK=kept'].map(
      (text) => lines.filter((line) => line.includes(text)).length,
    );
  };
  const none = together({ base: 3, max: 100 });
  expect(none).toEqual([0, expect.toSatisfy((count: number) => count >= planned.steps.length)]);
  // Before each step; every one finds the variables of the environment.
  expect(together({ base: 1, max: 1 + 1 })).toEqual([planned.steps.length, none[1]]);
  expect(together({ base: 90, max: 96 })).toEqual([1, none[1]]);
});

test('equal plans give equal bytes', () => {
  const again = marshal(
    lower(planned, {
      base: image('example.org/base@sha256:cf04af86dc085268c5f4470fbae49b18afbc221b78096aab842d934a76bad0ab'),
      source: local('source'),
      sourceDateEpoch: 1_700_000_000,
    }).output,
    { platform: 'linux/amd64' },
  );
  expect(again.head).toEqual(definition.head);
});

test('what steps may use is said of each of them, and leaves their keys in the cache as they are', () => {
  const base = image('example.org/base');
  const limited = lower(planned, {
    base,
    sourceDateEpoch: 0,
    resources: { memory: 1 << 30, cpuPeriod: 100_000, cpuQuota: 50_000 },
  });
  const graph = (of: State): ReturnType<typeof marshal> => marshal(of, { platform: 'linux/amd64' });
  const { metadata, def } = graph(limited.output);
  const limits = [...metadata.values()].flatMap(({ linux_resources: r }) => (r === undefined ? [] : [r]));
  expect(limits.map(({ memory, cpuQuota }) => [memory, cpuQuota])).toEqual(
    planned.steps.map(() => [1n << 30n, 50_000n]),
  );
  expect(def).toEqual(graph(lower(planned, { base, sourceDateEpoch: 0 }).output).def);
});
