// How long a program waits for `import '@melange2/llb'`, against `node -e 0`. Needs `tsc -b`.
// `node bench/llb/import.ts`
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const rounds = 25;

function run(args: readonly string[]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: join(root, 'bench') });
  if (status !== 0) throw new Error(stderr.toString());
  return performance.now() - start;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const importing = (name: string): readonly string[] => [
  '--input-type=module',
  '-e',
  `import '${join(root, name, 'dist/index.js')}'`,
];
// In turns, so that what else the machine does falls on all alike.
const times = Array.from({ length: rounds }, () => ({
  nothing: run(['-e', '0']),
  proto: run(importing('proto')),
  llb: run(importing('packages/llb')),
}));
const nothing = median(times.map((t) => t.nothing));
console.log(`node -e 0: ${nothing.toFixed(1)} ms`);
console.log(`@melange2/llb: + ${(median(times.map((t) => t.llb)) - nothing).toFixed(1)} ms (at most 30)`);
console.log(`@melange2/proto: + ${(median(times.map((t) => t.proto)) - nothing).toFixed(1)} ms`);
