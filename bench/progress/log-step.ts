// What keeping a step's whole output costs on a daemon: how long the step runs, by the daemon's clock, with and without its
// log: node --conditions=x-source bench/progress/log-step.ts [0.25 …]
// Both run in turn; the table has the medians and their ratio. Its tee is busybox', which reads 1 KiB at a time.
import { randomUUID } from 'node:crypto';
import { connect } from '@melange2/buildkit-client';
import { marshal, scratch } from '@melange2/llb';
import { logFolder, stepCommand } from '@melange2/pipeline';
import { busyboxState } from '../../e2e/harness/busybox.ts';
import { startTestDaemons } from '../../e2e/harness/test-daemons.ts';
import { cacheDir } from '../../e2e/world/cache-dir.ts';

const ages = process.argv.slice(2);
const rounds = 7;
const scripts = {
  '300,000 lines by one program': 'seq 1000000000000000 1000000000300000',
  '100,000 lines by the shell itself':
    'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); echo "line $i of very many"; done',
  '100,000 lines, with work between':
    'seq 10000 | while read n; do echo $n | sha256sum >/dev/null; seq 1000000000000000 1000000000000009; done',
};

const daemons = await startTestDaemons(cacheDir());
const root = (await busyboxState()).run({
  args: ['/bin/busybox', 'sh', '-c', '/bin/busybox --install -s /bin'],
  network: 'none',
}).root;

const median = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;

try {
  for (const [age, address] of Object.entries(daemons.addresses)) {
    if (ages.length > 0 && !ages.includes(age)) continue;
    const client = await connect(address);
    const run = async (script: string, log: boolean): Promise<number> => {
      const exec = root.run({
        args: [...stepCommand(script, { log }), randomUUID()],
        env: [['PATH', '/bin']],
        ...(log ? { mounts: [{ kind: 'bind', dest: logFolder, source: scratch() }] } : {}),
        network: 'none',
        customName: 'measured',
      });
      let tookMs = 0;
      await client.build({
        definition: marshal(exec.root, { platform: 'linux/amd64' }),
        onEvent: (event) => {
          if (event.type === 'vertexCompleted' && !event.cached) tookMs = event.completedMs - event.startedMs;
        },
      });
      return tookMs;
    };
    const rows: Record<string, Record<string, number | string>> = {};
    for (const [name, script] of Object.entries(scripts)) {
      const without: number[] = [];
      const with_: number[] = [];
      for (let i = 0; i < rounds; i++) {
        without.push(await run(script, false));
        with_.push(await run(script, true));
      }
      const ratio = (median(with_) / median(without)).toFixed(3);
      rows[name] = {
        'without, ms': Math.round(median(without)),
        'with, ms': Math.round(median(with_)),
        ratio,
      };
    }
    console.log(`BuildKit ${age}`);
    console.table(rows);
    client.close();
  }
} finally {
  await daemons.stop();
}
