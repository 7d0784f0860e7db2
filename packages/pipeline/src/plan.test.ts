import { expect, test } from 'vitest';
import type { PlannedStep } from './build-plan.ts';
import { failingLine } from './failing-line.ts';
import { plan, planTests, type PlanOptions } from './plan.ts';
import { compiled, problems } from './testing/compile-text.ts';

const head = 'package:\n  name: app\n  version: "1.2"\n  epoch: 3\n';
const options: PlanOptions = { sourceDateEpoch: 0 };

function planned(text: string, more: Partial<PlanOptions> = {}, pipelines = {}): readonly PlannedStep[] {
  return plan(compiled(head + text, pipelines), { ...options, ...more }).value!.steps;
}

test('steps have names that people know, and ids that stay', () => {
  const steps = planned(
    `pipeline:
  - uses: autoconf/make-install
  - name: Own name
    runs: x
  - runs: |
      # why
      make a-very-long-command --with=many --options=that --never-seem=to --end=at-all
  - name: Group
    pipeline:
      - runs: one
      - label: two
        runs: two
subpackages:
  - name: app-doc
    pipeline:
      - uses: split/manpages
`,
  );
  expect(steps.map((step) => [step.id, step.package, step.name])).toEqual([
    ['app/0.0', 'app', 'autoconf/make-install 1/2'],
    ['app/0.1', 'app', 'autoconf/make-install 2/2'],
    ['app/1', 'app', 'Own name'],
    ['app/2', 'app', 'make a-very-long-command --with=many --options=that --nev...'],
    ['app/3.0', 'app', 'Group 1/2'],
    ['app/3.1', 'app', 'Group 2/2'],
    ['app-doc/0.0', 'app-doc', 'split/manpages'],
  ]);
});

test('variables come from the environment, then from outside, then from the steps, the inner ones last', () => {
  const [first] = planned(
    `environment:
  environment: {A: file, B: file, C: file, D: file}
pipeline:
  - environment: {C: outer, D: outer}
    pipeline:
      - environment: {D: inner}
        runs: x
`,
    { env: { B: 'outside', C: 'outside' }, sourceDateEpoch: 1_700_000_000 },
  );
  expect(first?.env).toMatchObject({
    A: 'file',
    B: 'outside',
    C: 'outer',
    D: 'inner',
    HOME: '/home/build',
    SOURCE_DATE_EPOCH: '1700000000',
  });
  const names = Object.keys(first?.env ?? {});
  expect(names).toEqual(names.toSorted());
  expect(planned('pipeline: [{runs: x}]')[0]?.env['SOURCE_DATE_EPOCH']).toBe('315532800');
});

test('folders are made absolute, and steps without scripts or with a false condition are none', () => {
  const steps = planned(
    `pipeline:
  - runs: a
    working-directory: sub/../deep
  - runs: b
    working-directory: /opt
  - label: nothing
  - runs: ' '
  - if: "'a' == 'b'"
    pipeline: [{runs: c}]
`,
  );
  expect(steps.map((step) => [step.script, step.workingDirectory])).toEqual([
    ['a', '/home/build/deep'],
    ['b', '/opt'],
  ]);
});

test('only the pipelines that fetch sources get a network, unless more is allowed', () => {
  const text = `pipeline:
  - uses: git-checkout
    with: {repository: r, branch: b}
  - uses: own
  - runs: x
`;
  const modes = (more: Partial<PlanOptions>): string[] =>
    planned(text, more, { own: 'pipeline:\n  - runs: x\n' }).map((step) => step.network);
  expect(modes({})).toEqual(['sandbox', 'none', 'none']);
  expect(modes({ network: { fetching: 'host', others: 'sandbox' } })).toEqual(['host', 'sandbox', 'sandbox']);
});

test('steps run as the build user, or as the one the environment names', () => {
  const user = (accounts: string): unknown =>
    planned(`environment:\n  accounts: ${accounts}\npipeline: [{runs: x}]`)[0]?.user;
  expect(user('{}')).toEqual({ uid: 1000, gid: 1000 });
  expect(user('{run-as: root}')).toEqual({ uid: 0, gid: 0 });
  expect(user('{run-as: "7:8"}')).toEqual({ uid: 7, gid: 8 });
  expect(user('{run-as: me, users: [{username: me, uid: 12, gid: 13}]}')).toEqual({ uid: 12, gid: 13 });
});

test('an assertion that cannot hold is a problem with its place', () => {
  const { value, diagnostics } = plan(
    compiled(
      `${head}pipeline:
  - name: Group
    assertions:
      required-steps: 2
    pipeline:
      - runs: a
      - if: "'a' == 'b'"
        runs: b
`,
    ),
    options,
  );
  expect(value).toBeUndefined();
  expect(problems(diagnostics)).toEqual([
    'app.yaml:8:7-8:24 PIPELINE_ASSERTION_FAILED "Group" asserts that 2 of its steps run, but 1 would: the conditions of the others do not hold.',
  ]);
});

test('the place of a failing line is found from what the shell says', () => {
  const [step] = planned('pipeline:\n  - runs: |\n      true\n      nope --x\n      true\n');
  const at = (line: string): unknown => {
    const span = step && failingLine(step, ['other output', line, 'make: *** [x] Error 1']);
    return span && [span.start.line, span.start.column, span.end.column];
  };
  expect(at('/bin/sh: 2: nope: not found')).toEqual([8, 7, 15]);
  expect(at('/bin/sh: line 2: nope: command not found')).toEqual([8, 7, 15]);
  expect(at('/.melange2-script/script: line 2: nope: command not found')).toEqual([8, 7, 15]);
  expect(at('/bin/sh: /.melange2-script/script: line 2: nope: not found')).toEqual([8, 7, 15]);
  expect(at('/bin/sh: nope: not found')).toBeUndefined();
  expect(at('/bin/sh: 99: nope')).toBeUndefined();
});

test('tests have environments of their own; those of subpackages that are not enabled are left out', () => {
  const tests = planTests(
    compiled(
      `${head}subpackages:
  - name: app-doc
    test: {environment: {environment: {A: b}, contents: {packages: [man]}}, pipeline: [{runs: man app}]}
  - name: off
    if: "'a' == 'b'"
    test: {pipeline: [{runs: x}]}
  - name: empty
    test: {}
test: {pipeline: [{uses: strip}]}
`,
    ),
    options,
  ).value;
  expect(tests?.map((t) => [t.package, t.environment.contents.packages, t.steps.map((s) => s.id)])).toEqual([
    ['app', ['app', 'binutils', 'scanelf'], ['test:app/0.0']],
    ['app-doc', ['app-doc', 'man'], ['test:app-doc/0']],
  ]);
  expect(tests?.[1]?.steps[0]?.env).toMatchObject({ A: 'b', HOME: '/home/build' });
});
