// A build of five steps in which nothing has changed, as a whole process, with its stages; and the same with a step that
// prints 300,000 lines each time, by how it is shown: node --conditions=x-source bench/progress/warm-build.ts [0.25 …]
// Build with `npm run setup` first.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPackage } from '../../e2e/harness/build-package.ts';
import { startTestDaemons } from '../../e2e/harness/test-daemons.ts';
import { cacheDir } from '../../e2e/world/cache-dir.ts';
import { makeWorld } from '../../e2e/world/make-world.ts';

const ages = process.argv.slice(2);
const rounds = 7;
const world = await makeWorld({ onProgress: (text) => console.error(text) });
const daemons = await startTestDaemons(cacheDir());
const dir = mkdtempSync(join(tmpdir(), 'bench-warm-'));
mkdirSync(join(dir, 'source'));
const trace = join(dir, 'trace.jsonl');

const five = Array.from(
  { length: 5 },
  (_, i) => `  - name: Step ${i}\n    runs: echo ${i} > file-${i}\n`,
).join('');
const talking = (): string =>
  `  - runs: |\n      # ${Date.now()}\n      seq -f "line %.0f of very many lines that a step prints" 300000\n`;

async function build(address: string, pipeline: string, progress: string): Promise<Record<string, number>> {
  const file = join(dir, 'source/five.yaml');
  const head =
    'package:\n  name: five\n  version: "1"\n  epoch: 0\nenvironment:\n  contents:\n    packages: [build-base, busybox, coreutils]\npipeline:\n';
  writeFileSync(file, head + pipeline);
  const started = performance.now();
  const args = ['--trace', trace, '--progress', progress];
  const { code, stderr } = await buildPackage({ file, address, world, dir, args });
  if (code !== 0) throw new Error(stderr);
  const total = Math.round(performance.now() - started);
  const stages = readFileSync(trace, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly stage: string; readonly durationMs: number })
    .map(({ stage, durationMs }) => [stage, Math.round(durationMs)] as const);
  rmSync(trace);
  return { total, ...Object.fromEntries(stages) };
}

try {
  for (const [age, address] of Object.entries(daemons.addresses)) {
    if (ages.length > 0 && !ages.includes(age)) continue;
    const rows: Record<string, Record<string, number>> = { cold: await build(address, five, 'quiet') };
    const warm = [];
    for (let i = 0; i < rounds; i++) warm.push(await build(address, five, 'quiet'));
    const sorted = warm.toSorted((a, b) => (a['total'] ?? 0) - (b['total'] ?? 0));
    rows['nothing changed, median'] = sorted[Math.floor(rounds / 2)] ?? {};
    rows['nothing changed, best'] = sorted[0] ?? {};
    for (const mode of ['quiet', 'plain', 'json'])
      rows[`300,000 lines, ${mode}`] = await build(address, talking(), mode);
    console.log(`BuildKit ${age}, milliseconds`);
    console.table(rows);
  }
} finally {
  await daemons.stop();
  rmSync(dir, { recursive: true, force: true });
}
