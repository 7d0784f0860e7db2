import { expect, test } from 'vitest';
import { parseConfig, toReferenceJson } from './index.ts';

test("a configuration is printed as one line in the references' form", () => {
  const text = `package:
  name: a
  version: 1.10
  epoch: 9007199254740993
  description: "<a & b>"
  timeout: 1h
environment: {environment: {HOME: /, GOPATH: /, GOMODCACHE: /, UV_CACHE_DIR: /, PIP_CACHE_DIR: /, COMPOSER_CACHE_DIR: /, npm_config_cache: /}}
pipeline:
  - needs: {packages: [x]}
    runs: b
`;
  const { value } = parseConfig(text, 'a.yaml');
  const json = value === undefined ? '' : toReferenceJson(value);
  expect(json.slice(0, json.indexOf('"environment"'))).toBe(
    '{"package":{"name":"a","version":"1.10","epoch":9007199254740993,"description":"\\u003ca \\u0026 b\\u003e","dependencies":{},"checks":{},"cpe":{},"timeout":3600000000000,"resources":{}},',
  );
  expect(json.slice(json.indexOf('"capabilities"'))).toBe(
    '"capabilities":{},"pipeline":[{"runs":"b","needs":{"Packages":["x"]}}],"update":{"enabled":false}}\n',
  );
});

test('maps are sorted by their keys as texts, whoever made them', () => {
  const { value } = parseConfig('package: {name: a, version: 1}\npipeline: [{uses: x}]\n', 'a.yaml');
  const [step] = value?.pipeline ?? [];
  if (value === undefined || step === undefined) throw new Error('not read');
  const json = toReferenceJson({ ...value, pipeline: [{ ...step, with: { b: '1', '9': '2', '10': '3' } }] });
  expect(json).toContain('"with":{"10":"3","9":"2","b":"1"}');
});
