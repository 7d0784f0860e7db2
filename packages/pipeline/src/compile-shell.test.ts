import { parseConfig } from '@melange2/config';
import { expect, test } from 'vitest';
import { builtinCatalogue } from './builtin-catalogue.ts';
import { compile } from './compile.ts';
import { pipelineLibrary } from './pipeline-library.ts';
import { normaliseScript } from './shell/normalise-script.ts';

function compiled(text: string): ReturnType<typeof compile> {
  const { value } = parseConfig(text, 'a.yaml', { warnings: false });
  if (value === undefined) throw new Error('the build file cannot be read');
  return compile(value, {
    architecture: 'x86_64',
    library: pipelineLibrary(builtinCatalogue),
    normaliseScript,
  });
}

const head = 'package:\n  name: a\n  version: 1\n  epoch: 0\npipeline:\n';

test('what is printed is the script anew; what runs is the script as it was written', () => {
  const { value } = compiled(`${head}  - runs: |\n      # why\n      a  > \${{package.name}}\n`);
  expect(value?.config.pipeline[0]?.runs).toBe('a >a\n');
  expect(value?.steps[0]?.script).toBe('# why\na  > a\n');
});

test('broken scripts are reported with their places in the file, each of them', () => {
  const { value, diagnostics } = compiled(
    `${head}  - runs: |\n      a \${{package.name}} "b\n  - runs: if a; then b; done\n`,
  );
  expect(value).toBeUndefined();
  expect(
    diagnostics.map(({ code, span, message }) => [code, span?.start.line, span?.start.column, message]),
  ).toEqual([
    [
      'PIPELINE_SHELL_INVALID',
      7,
      27,
      'The shell cannot read this script: the quote " that is opened here is never closed.',
    ],
    [
      'PIPELINE_SHELL_INVALID',
      8,
      25,
      'The shell cannot read this script: "done" comes too early: "fi" must stand before it.',
    ],
  ]);
});
