import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseConfig } from '@melange2/config';
import {
  builtinCatalogue,
  compile,
  folderCatalogue,
  layeredCatalogue,
  pipelineLibrary,
} from '@melange2/pipeline';
import { parse } from 'yaml';

// Reading and compiling all recipes of the recorded answers, as a ratio to bare yaml.parse of the same texts:
// node --conditions=x-source bench/config/recipes.ts [ROUNDS]
const vectors = process.env['MELANGE2_VECTORS'] ?? join(import.meta.dirname, '../../../shared/vectors');
const folder = join(vectors, 'compile');
if (!existsSync(folder)) {
  console.error(
    `Skipped: the recorded answers are not at ${vectors}. MELANGE2_VECTORS can name another folder.`,
  );
  process.exit(0);
}

interface Recipe {
  readonly file: string;
  readonly yaml: string;
}

const read = (name: string): Recipe[] =>
  gunzipSync(readFileSync(join(folder, name)))
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Recipe);

const recipes = read('wolfi-shared.ndjson.gz');
const own = folderCatalogue(
  'pipelines',
  new Map(
    read('wolfi-pipelines.ndjson.gz').map(({ file, yaml }) => [file.replace('./pipelines/', ''), yaml]),
  ),
);

function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return Math.round((user + system) / 1000);
}

function parseAll(): void {
  for (const { file, yaml } of recipes) parseConfig(yaml, file);
}

function compileAll(): void {
  const library = pipelineLibrary(layeredCatalogue([own, builtinCatalogue]));
  for (const { file, yaml } of recipes) {
    const { value } = parseConfig(yaml, file);
    if (value !== undefined) compile(value, { architecture: 'x86_64', library });
  }
}

const rounds = Number(process.argv[2] ?? 3);
for (let round = 1; round <= rounds; round++) {
  const yaml = cpuMs(() => {
    for (const recipe of recipes) parse(recipe.yaml);
  });
  const config = cpuMs(parseAll);
  const compiled = cpuMs(compileAll);
  const ratio = (ms: number): string => `${ms} ms (${(ms / yaml).toFixed(2)})`;
  console.log(
    `${recipes.length} recipes, CPU: yaml.parse ${yaml} ms, read ${ratio(config)}, read and compile ${ratio(compiled)}`,
  );
}
