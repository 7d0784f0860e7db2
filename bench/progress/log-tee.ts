// What keeping a step's whole output costs: the command of a step as the daemon runs it, with and without its log, on
// this machine's /bin/sh: node --conditions=x-source bench/progress/log-tee.ts
// Both run in turn; the table has the medians and their ratio.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logFolder, stepCommand } from '@melange2/pipeline';

const rounds = Number(process.argv[2] ?? 7);
const dir = mkdtempSync(join(tmpdir(), 'bench-log-'));
const source = Array.from(
  { length: 300 },
  (_, i) => `int f${i}(int x){return x*${i}+(x>>${i % 31});}\n`,
).join('');
writeFileSync(join(dir, 'x.c'), source);

const scripts = {
  '1,000,000 lines by one program': 'seq -f "line %.0f of very many lines that a step prints" 1000000',
  '300,000 lines by the shell itself':
    'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); echo "line $i of very many"; done',
  'compile 8 files, 100 lines each': `i=0; while [ $i -lt 8 ]; do i=$((i+1)); cc -O2 -c ${dir}/x.c -o ${dir}/x.o; seq -f "cc line %.0f" 100; done`,
};

function run(script: string, log: boolean): number {
  const args = stepCommand(script, { log }).map((arg, i) => (i === 4 ? arg : arg.replaceAll(logFolder, dir)));
  const started = performance.now();
  // The daemon reads what a step prints through a pipe, as cat does here.
  const quoted = args.map((arg) => `'${arg.replaceAll("'", `'"'"'`)}'`).join(' ');
  const { status } = spawnSync('/bin/sh', ['-c', `${quoted} | cat >/dev/null`], { stdio: 'ignore' });
  if (status !== 0) throw new Error(`exit code ${status}`);
  return performance.now() - started;
}

const median = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;

try {
  const rows = Object.entries(scripts).map(([name, script]) => {
    const pairs = Array.from({ length: rounds }, () => [run(script, false), run(script, true)] as const);
    const without = median(pairs.map(([time]) => time));
    const with_ = median(pairs.map(([, time]) => time));
    const row = {
      'without, ms': Math.round(without),
      'with, ms': Math.round(with_),
      ratio: (with_ / without).toFixed(3),
    };
    return [name, row] as const;
  });
  console.table(Object.fromEntries(rows));
} finally {
  rmSync(dir, { recursive: true, force: true });
}
