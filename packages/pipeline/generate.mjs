// Writes src/generated/builtin-pipelines.ts from pipelines/**/*.yaml: the package itself reads no file.
// `node generate.mjs --check` only tells whether it is up to date.
import { mkdirSync, readdirSync, readFileSync, writeFileSync, existsSync } from 'node:fs';
import { join, relative } from 'node:path';

const here = import.meta.dirname;
const root = join(here, 'pipelines');
const target = join(here, 'src/generated/builtin-pipelines.ts');
const entries = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((e) => e.isFile() && e.name.endsWith('.yaml'))
  .map((e) => relative(root, join(e.parentPath, e.name)))
  .sort((a, b) => (a < b ? -1 : 1))
  .map((path) => [path.slice(0, -'.yaml'.length), readFileSync(join(root, path), 'utf8')]);
const text = [
  '// Made by generate.mjs from pipelines/**/*.yaml: change those, then run it.',
  '',
  '/** The texts of the built-in pipelines, by name. */',
  'export const builtinPipelines: Readonly<Record<string, string>> = {',
  ...entries.flatMap(([name, body]) => [
    `  ${JSON.stringify(name)}: [`,
    ...body.split('\n').map((line) => `    ${JSON.stringify(line)},`),
    "  ].join('\\n'),",
  ]),
  '};',
  '',
].join('\n');
const old = existsSync(target) ? readFileSync(target, 'utf8') : '';
if (process.argv.includes('--check')) {
  if (old !== text) {
    process.stderr.write('src/generated/builtin-pipelines.ts is not up to date: run node generate.mjs\n');
    process.exitCode = 1;
  }
} else if (old !== text) {
  mkdirSync(join(here, 'src/generated'), { recursive: true });
  writeFileSync(target, text);
}
