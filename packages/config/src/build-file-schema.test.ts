import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { buildFileSchema, pipelineFileSchema } from './index.ts';

const validate = new Ajv2020({ allErrors: true, allowUnionTypes: true, strictTypes: false }).compile(
  buildFileSchema(),
);

function faults(text: string): string[] {
  if (validate(parse(text))) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

test('the files that editors read are those made from the definition', () => {
  const read = (name: string): unknown =>
    JSON.parse(readFileSync(join(import.meta.dirname, '..', name), 'utf8'));
  // After a change of the definition: node --conditions=x-source packages/config/write-schemas.ts
  expect(read('schema.json')).toEqual(buildFileSchema());
  expect(read('pipeline.schema.json')).toEqual(pipelineFileSchema());
});

test('a build file without a version, and one with an unknown key, are marked', () => {
  expect(faults('package:\n  name: a\n')).toEqual(["/package must have required property 'version'"]);
  expect(faults('package: {name: a, version: 1}\npipelines: []\n')).toEqual([
    ' must NOT have additional properties',
  ]);
});

test('a block may be left empty', () => {
  expect(faults('package: {name: a, version: 1, dependencies: }\nsubpackages:\ntest:\n')).toEqual([]);
});

const vectors = process.env['MELANGE2_VECTORS'] ?? join(import.meta.dirname, '../../../../shared/vectors');
const recipes = join(vectors, 'compile/wolfi-shared.ndjson.gz');
if (!existsSync(recipes)) process.stderr.write(`skipped: there is no ${recipes}\n`);

test.skipIf(!existsSync(recipes))(
  'every recipe of the recorded answers is valid',
  { timeout: 120_000 },
  () => {
    const lines = gunzipSync(readFileSync(recipes)).toString().trimEnd().split('\n');
    const wrong = lines.flatMap((line) => {
      const { file, yaml } = JSON.parse(line) as { file: string; yaml: string };
      return faults(yaml).map((fault) => `${file}${fault}`);
    });
    expect(wrong).toEqual([]);
  },
);
