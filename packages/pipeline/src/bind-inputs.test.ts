import { expect, test } from 'vitest';
import { parseConfig } from '@melange2/config';
import { formatPlace } from '@melange2/diagnostics';
import { compile, folderCatalogue, pipelineLibrary } from './index.ts';
import { compileText, problems } from './testing/compile-text.ts';

test('an input that has its value also without the line is told, in the build file only', () => {
  const own = folderCatalogue(
    'pipelines',
    new Map([
      [
        'inner.yaml',
        'inputs:\n  dir: {default: .}\n  to: {default: a}\nruns: cd ${{inputs.dir}} ${{inputs.to}}\n',
      ],
      ['outer.yaml', 'pipeline:\n  - uses: inner\n    with: {dir: .}\n'],
    ]),
  );
  const text = `package:
  name: hello
  version: "1"
pipeline:
  - uses: inner
    with:
      dir: .
      to: b
  - uses: outer
`;
  const config = parseConfig(text, 'a.yaml').value;
  if (config === undefined) throw new Error('not read');
  const { value, diagnostics } = compile(config, { architecture: 'x86_64', library: pipelineLibrary(own) });
  expect(value).toBeDefined();
  expect(diagnostics.map(({ severity, code, span }) => [severity, code, span && formatPlace(span)])).toEqual([
    ['warning', 'PIPELINE_INPUT_DEFAULT', 'a.yaml:7:7'],
  ]);
});

test("inputs whose defaults need each other's values are told at the first", () => {
  const inputs = `inputs:\n  a: {default: "\${{inputs.b}}"}\n  b: {default: "\${{inputs.a}}"}\nruns: echo \${{inputs.a}}\n`;
  const { diagnostics } = compileText('package: {name: a, version: "1"}\npipeline: [{uses: p}]\n', {
    p: inputs,
  });
  expect(problems(diagnostics)).toEqual([
    "pipelines/p.yaml:2:16-2:31 PIPELINE_INPUT_CYCLE These inputs need each other's values: a needs b needs a.",
  ]);
});
