import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runInFolder, type Ran } from './testing/run-in-folder.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'add-explain-'));
  writeFileSync(join(folder, 'app.yaml'), text);
  mkdirSync(join(folder, 'pipelines'));
  writeFileSync(join(folder, 'pipelines/say.yaml'), pipeline);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const text = `package:
  name: app
  version: "1.2.3"
  epoch: 0
vars:
  base: https://example.org
  url: \${{vars.base}}/app
var-transforms:
  - from: \${{package.version}}
    match: ^(\\d+)\\..*$
    replace: $1
    to: major
data:
  - name: languages
    items:
      de: German
      sw: Swahili
pipeline:
  - uses: say
    with:
      words: \${{vars.url}}/v\${{vars.major}}
  - if: \${{build.arch}} == 'x86_64'
    runs: |
      echo first
      echo \${{package.full-version}}
subpackages:
  - range: languages
    name: app-lang-\${{range.key}}
    pipeline:
      - runs: echo \${{range.value}} > \${{targets.subpkgdir}}/x
`;

const pipeline = `inputs:
  words: {required: true}
  volume: {default: loud}
needs: {packages: [speaker]}
pipeline:
  - runs: say --volume \${{inputs.volume}} "\${{inputs.words}}"
`;

const explain = (line: number, ...more: readonly string[]): Promise<Ran> =>
  runInFolder(
    folder,
    'explain',
    `app.yaml:${line}`,
    '--arch',
    'x86_64',
    '--pipeline-dir',
    'pipelines',
    ...more,
  );

test('an input shows its value, and what each variable in it was made from', async () => {
  expect((await explain(21)).stdout).toBe(
    `app.yaml:21  pipeline[0].with.words

  https://example.org/app/v1
    \${{vars.url}} = "https://example.org/app"  from vars  app.yaml:7:8
      \${{vars.base}} = "https://example.org"  from vars  app.yaml:6:9
    \${{vars.major}} = "1"  from var-transforms: "^(\\d+)\\..*$" -> "$1"  app.yaml:9:5
      \${{package.version}} = "1.2.3"  from package  app.yaml:3:12

step say  (FOLDER/say.yaml)  app.yaml:19:5
  needs speaker
  words = "https://example.org/app/v1"  given  app.yaml:21:14
  volume = "loud"  default  FOLDER/say.yaml:3:21
`.replaceAll('FOLDER', join(folder, 'pipelines')),
  );
});

test('a use of a pipeline shows what it runs', async () => {
  expect((await explain(19)).stdout).toContain(`
runs
  | say --volume loud "https://example.org/app/v1"
`);
});

test('a condition shows what it compares, and whether it holds', async () => {
  expect((await explain(22)).stdout).toContain(`
  "x86_64" == 'x86_64'
  holds
    \${{build.arch}} = "x86_64"  from the build
`);
});

test('a line of a script is shown alone', async () => {
  expect((await explain(25)).stdout).toContain(`app.yaml:25  pipeline[1].runs

  echo 1.2.3-r0
    \${{package.full-version}} = "1.2.3-r0"  from the package
      \${{package.version}} = "1.2.3"  from package  app.yaml:3:12
      \${{package.epoch}} = "0"  from package  app.yaml:4:10
`);
});

test('what a range repeats is shown for each of its packages', async () => {
  expect((await explain(28)).stdout).toBe(`app.yaml:28  subpackages[0].name

  app-lang-de  (app-lang-de)
    \${{range.key}} = "de"  from the range "languages"  app.yaml:16:7

  app-lang-sw  (app-lang-sw)
    \${{range.key}} = "sw"  from the range "languages"  app.yaml:17:7
`);
  expect((await explain(30)).stdout).toContain(
    '  echo German > /home/build/melange-out/app-lang-de/x  (app-lang-de)\n',
  );
});

test('a line without a value says so, and a place that is none is refused', async () => {
  expect((await explain(20)).stdout).toContain(
    'pipeline[0].with\n  no value of its own stands on this line\n',
  );
  await expect(explain(99)).rejects.toMatchObject({ code: 'CLI_USAGE' });
  await expect(runInFolder(folder, 'explain', 'app.yaml')).rejects.toMatchObject({
    message: expect.stringContaining('"app.yaml" is no FILE:LINE'),
  });
});

test('as JSON it has every place', async () => {
  expect(JSON.parse((await explain(3, '--json')).stdout)).toEqual({
    file: 'app.yaml',
    line: 3,
    path: 'package.version',
    texts: [{ path: 'package.version', package: 'app', written: '"1.2.3"', text: '1.2.3', values: [] }],
  });
});
