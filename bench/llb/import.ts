// How long a program waits for `import '@melange2/llb'` and its like, against `node -e 0`: of the packages as they are
// published, packed and unpacked again. Needs `npm run setup`.
// `node bench/llb/import.ts`
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { makePackedFolder } from '../../e2e/harness/packed-folder.ts';

const rounds = 25;
const names = ['llb', 'proto', 'buildkit-client'];
const dir = makePackedFolder();

function run(args: readonly string[]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: dir });
  if (status !== 0) throw new Error(stderr.toString());
  return performance.now() - start;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

const importing = (name: string): readonly string[] => [
  '--input-type=module',
  '-e',
  `import '@melange2/${name}'`,
];

try {
  // In turns, so that what else the machine does falls on all alike.
  const times = Array.from({ length: rounds }, () => ({
    nothing: run(['-e', '0']),
    imports: names.map((name) => run(importing(name))),
  }));
  const nothing = median(times.map((t) => t.nothing));
  console.log(`node -e 0: ${nothing.toFixed(1)} ms`);
  for (const [i, name] of names.entries()) {
    const more = median(times.map((t) => t.imports[i]!)) - nothing;
    console.log(`@melange2/${name}: + ${more.toFixed(1)} ms (at most 30)`);
  }
} finally {
  rmSync(dir, { recursive: true });
}
