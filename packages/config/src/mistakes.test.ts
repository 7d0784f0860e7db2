import { expect, test } from 'vitest';
import { changeValue, parseConfig } from './index.ts';

const head = 'package:\n  name: a\n  version: "1"\n';

test.each([
  ['', '1:1 CONFIG_EMPTY'],
  ['package:\n  name: a\n', '1:1 CONFIG_VERSION_MISSING'],
  ['a: "b\n', '1:4 CONFIG_YAML_INVALID'],
  [`${head}vars: *x\n`, '4:7 CONFIG_ALIAS_INVALID'],
  [`${head}vars: {<<: x}\n`, '4:12 CONFIG_MERGE_INVALID'],
  [`${head}  target-architecture: [all]\n`, '4:24 CONFIG_ARCHITECTURE_ALL'],
  [`${head}  target-architecture: [amd64]\n`, '4:25 CONFIG_ARCHITECTURE_UNKNOWN'],
  [`${head}  checks: {disabled: [stripp]}\n`, '4:23 CONFIG_CHECK_UNKNOWN'],
  [`${head}  cpe: {vendor: x}\n`, '4:8 CONFIG_CPE_INVALID'],
  [`${head}  setcap: [{path: /a, add: {cap_foo: ep}, reason: x}]\n`, '4:29 CONFIG_SETCAP_INVALID'],
  [`${head}  dependencies: {runtime: ["\${{package.name"]}\n`, '4:29 CONFIG_VARIABLE_MALFORMED'],
  [`${head}environment: {contents: {baseimage: {image: a, apkindex: b}}}\n`, '4:26 CONFIG_BASEIMAGE_IGNORED'],
  [`${head}subpackages:\n  - name: a\n`, '5:11 CONFIG_NAME_DUPLICATE'],
  [`${head}subpackages:\n  - name: b\n  - name: b\n`, '6:11 CONFIG_NAME_DUPLICATE'],
  [`${head}subpackages:\n  - name: b\n    range: c\n`, '6:12 CONFIG_RANGE_UNKNOWN'],
  [`${head}pipeline:\n  - uses: strip\n    pipeline: [{runs: x}]\n`, '5:5 CONFIG_USES_IGNORED'],
])('%j is told as %s', (text, told) => {
  const { diagnostics } = parseConfig(text, 'a.yaml');
  expect(diagnostics.map(({ code, span }) => `${span?.start.line}:${span?.start.column} ${code}`)).toEqual([
    told,
  ]);
});

test('a line of an env file that sets nothing is told at its place', () => {
  const envFiles = [{ file: 'my.env', text: 'A=b\nC D\n' }];
  const { diagnostics } = parseConfig(head, 'a.yaml', { envFiles });
  expect(diagnostics.map(({ code, span }) => [code, span?.file, span?.start.line])).toEqual([
    ['CONFIG_ENV_FILE_INVALID', 'my.env', 2],
  ]);
});

test('what stands for another value is not edited', () => {
  const told = { code: 'CONFIG_EDIT_IMPOSSIBLE' };
  const shared = 'vars: {a: &v "1"}\npackage: {name: a, version: *v}\n';
  expect(() => changeValue(shared, ['package', 'version'], '2')).toThrow(expect.objectContaining(told));
  expect(() => changeValue('a: [b]\n', ['a'], 'c')).toThrow(expect.objectContaining(told));
});
