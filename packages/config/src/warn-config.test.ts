import { formatPlace } from '@melange2/diagnostics';
import { expect, test } from 'vitest';
import { parseConfig, parsePipelineFile } from './index.ts';

const head = 'package:\n  name: hello\n  version: 1\n';

function warnings(text: string): string[] {
  return parseConfig(text, 'a.yaml').diagnostics.map(
    ({ severity, span, code }) => `${severity} ${span === undefined ? '' : formatPlace(span)} ${code}`,
  );
}

test('what nothing uses is told: variables, ranges, options', () => {
  const text = `${head}vars:\n  a: 1\n  b: 2\ndata:\n  - name: d\n    items: {x: y}\noptions:\n  o: {}\n  p: {}\npipeline:\n  - if: \${{options.p.enabled}} == 'true'\n    runs: echo \${{ vars.b }}\n`;
  expect(warnings(text)).toEqual([
    'warning a.yaml:5:3 CONFIG_VAR_UNUSED',
    'warning a.yaml:8:11 CONFIG_RANGE_UNUSED',
    'warning a.yaml:11:3 CONFIG_OPTION_UNUSED',
  ]);
});

test('a checkout that can move, a download without checksum and plain http are told', () => {
  const text = `${head}pipeline:\n  - uses: fetch\n    with: {uri: "http://example.org/a.tgz"}\n  - uses: git-checkout\n    with: {repository: "https://example.org/a", tag: v1}\n  - uses: fetch\n    with: {uri: "http://localhost:1/a.tgz", expected-sha256: x}\n  - uses: fetch\n    with: {uri: "https://example.org/b.tgz", expected-none: it changes daily}\n`;
  expect(warnings(text)).toEqual([
    'warning a.yaml:5:11 CONFIG_FETCH_UNCHECKED',
    'warning a.yaml:6:17 CONFIG_PLAIN_HTTP',
    'warning a.yaml:8:54 CONFIG_CHECKOUT_UNPINNED',
  ]);
});

test('a subpackage whose condition holds for no architecture is told, and one of a range only if none holds', () => {
  const text = `${head}data:\n  - name: d\n    items: {x: y, z: w}\nsubpackages:\n  - name: a\n    if: \${{build.arch}} == 'amd64'\n  - name: b-\${{range.key}}\n    range: d\n    if: '"\${{range.key}}" == "x"'\n  - name: c\n    if: "'a' == 'b' && \${{options.o.enabled}} == 'true'"\n  - name: e\n    if: \${{build.arch}} == 'x86_64'\n`;
  expect(warnings(text)).toEqual([
    'warning a.yaml:9:9 CONFIG_CONDITION_NEVER',
    'warning a.yaml:14:9 CONFIG_CONDITION_NEVER',
  ]);
});

test('names that nothing knows are told with the one that was meant', () => {
  const text = `${head}  target-architecture: [amd64, x86_64]\n  checks: {disabled: [usrmrege]}\n`;
  const { diagnostics } = parseConfig(text, 'a.yaml');
  expect(diagnostics.map(({ message }) => message)).toEqual([
    '"amd64" is no architecture in apk\'s spelling, so nothing is built for it. Did you mean "x86_64"?',
    'There is no check "usrmrege" to disable. Did you mean "usrmerge"?',
  ]);
});

test('steps of tests whose keys do not go together are told', () => {
  const text = `${head}test:\n  pipeline:\n    - {runs: a, uses: strip}\nsubpackages:\n  - name: s\n    test: {pipeline: [{with: {a: b}}]}\n`;
  expect(warnings(text)).toEqual([
    'warning a.yaml:6:8 CONFIG_STEP_CONFLICT',
    'warning a.yaml:9:24 CONFIG_STEP_CONFLICT',
  ]);
});

test('warnings can be left out', () => {
  const text = `${head}vars: {a: 1}\n`;
  expect(parseConfig(text, 'a.yaml', { warnings: false }).diagnostics).toEqual([]);
});

test('an input that a pipeline file does not read is told when asked for', () => {
  const text = 'inputs:\n  a: {}\n  b: {}\nruns: echo ${{inputs.b}}\n';
  expect(parsePipelineFile(text, 'p.yaml').diagnostics).toEqual([]);
  expect(parsePipelineFile(text, 'p.yaml', { warnings: true }).diagnostics.map(({ code }) => code)).toEqual([
    'CONFIG_INPUT_UNUSED',
  ]);
});

test('capabilities that change nothing for steps are told, for others than root all that are added', () => {
  expect(warnings(`${head}capabilities:\n  drop: [CAP_KILL]\n  add: [CAP_CHOWN]\n`)).toEqual([
    'warning a.yaml:6:3 CONFIG_CAPABILITIES_IGNORED',
  ]);
  expect(warnings(`${head}capabilities:\n  drop: [CAP_KILL]\n`)).toEqual([]);
});

test.each([
  ['add: [CAP_CHOWN, net_raw]', {}, ''],
  ['drop: [CAP_SYS_ADMIN]', {}, ''],
  ['drop: [CAP_KILL, all]', {}, ''],
  ['drop: [CAP_FLY]', {}, 'CAP_FLY'],
  ['add: [CAP_CHOWN, CAP_SYS_ADMIN]', {}, 'CAP_SYS_ADMIN'],
  ['add: [CAP_CHOWN, CAP_SYS_ADMIN]', { insecure: true }, ''],
  ['add: [CAP_SYS_ADMIN]\n  drop: [CAP_KILL]', { insecure: true }, ''],
])('of root, %s with %o leaves idle: %s', (capabilities, options, idle) => {
  const text = `${head}environment: {accounts: {run-as: root}}\ncapabilities:\n  ${capabilities}\n`;
  const told = parseConfig(text, 'a.yaml', options).diagnostics.map(({ message }) =>
    message.replace(/^.*so (.*) changes nothing.*$/, '$1'),
  );
  expect(told).toEqual(idle === '' ? [] : [idle]);
});
