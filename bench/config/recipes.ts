import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseConfig } from '@melange2/config';
import {
  builtinCatalogue,
  compile,
  folderCatalogue,
  layeredCatalogue,
  normaliseScript,
  pipelineLibrary,
  type NormaliseScript,
} from '@melange2/pipeline';
import { parse } from 'yaml';

// What reading and compiling build files costs, each row as a ratio to its peer in the same run:
//   all recipes of the recorded answers, in one process    against bare yaml.parse of the same texts
//   the same, with the shell text checked and printed anew against the row before
//   `melange2 compile` of one recipe, the whole process    against node -e 0
// node --conditions=x-source bench/config/recipes.ts [ROUNDS]; the last row takes the built command line (npm run setup).
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

function compileAll(normalise: NormaliseScript | undefined): void {
  const library = pipelineLibrary(layeredCatalogue([own, builtinCatalogue]));
  for (const { file, yaml } of recipes) {
    const { value } = parseConfig(yaml, file);
    if (value !== undefined) compile(value, { architecture: 'x86_64', library, normaliseScript: normalise });
  }
}

function processMs(args: readonly string[]): number {
  const startMs = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return performance.now() - startMs;
}

function print(name: string, peer: string, ms: number, peerMs: number, limit: number): void {
  const ratio = ms / peerMs;
  const verdict = ratio <= limit ? 'ok' : 'TOO SLOW';
  console.log(
    `${name.padEnd(44)} ${ms.toFixed(0).padStart(6)} ms   ${peer.padEnd(15)} ${peerMs.toFixed(0).padStart(6)} ms   ratio ${ratio.toFixed(2)}, at most ${limit}: ${verdict}`,
  );
}

const rounds = Number(process.argv[2] ?? 3);
for (let round = 1; round <= rounds; round++) {
  const yaml = cpuMs(() => {
    for (const recipe of recipes) parse(recipe.yaml);
  });
  const compiled = cpuMs(() => compileAll(undefined));
  const printed = cpuMs(() => compileAll(normaliseScript));
  print(`${recipes.length} recipes, CPU: read and compile`, 'yaml.parse', compiled, yaml, 1.6);
  print('  and the shell text checked and printed', 'the row above', printed, compiled, 2.5);
}

const folderOfOne = mkdtempSync(join(tmpdir(), 'melange2-bench-'));
const one = join(folderOfOne, 'recipe.yaml');
writeFileSync(one, readFileSync(join(import.meta.dirname, '../../examples/zip.yaml')));
const program = join(import.meta.dirname, '../../packages/cli/bin/melange2.js');
const alone: number[] = [];
const nothing: number[] = [];
for (let i = 0; i < 20; i++) {
  nothing.push(processMs(['-e', '0']));
  alone.push(processMs([program, 'compile', '--arch', 'x86_64', one]));
}
rmSync(folderOfOne, { recursive: true });
print(
  'melange2 compile, whole process (fastest of 20)',
  'node -e 0',
  Math.min(...alone),
  Math.min(...nothing),
  4,
);
