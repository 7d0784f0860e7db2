// What keeping a step's whole output costs on a daemon: how long the step runs, by the daemon's clock, without its log, with
// it, and as a step of `melange2 build`, which writes the records besides (run `npm run setup` first): node --conditions=x-source bench/progress/log-step.ts [0.25 …] [--rounds N]
// All run in turn, in another order every other time; the table has the medians, and the median of the rounds' ratios. The
// environment is one of real tools; its tee is busybox', which reads 1 KiB at a time, or that of coreutils.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connect, type Client } from '@melange2/buildkit-client';
import { assemble, lockEnvironment, openTransport } from '@melange2/environment';
import { marshal, scratch, type State } from '@melange2/llb';
import { logFolder, stepCommand } from '@melange2/pipeline';
import { buildPackage } from '../../e2e/harness/build-package.ts';
import { sampleFile } from '../../e2e/harness/sample-file.ts';
import { startTestDaemons } from '../../e2e/harness/test-daemons.ts';
import { cacheDir } from '../../e2e/world/cache-dir.ts';
import { makeWorld } from '../../e2e/world/make-world.ts';

const { positionals: ages, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '7' } },
});
const rounds = Number(values.rounds);

/** Not measured: what the scripts work on. */
const preparation = `mkdir -p /work/tree /work/c && cd /work/tree
i=0; while [ $i -lt 9000 ]; do echo "text of $i" > file-with-a-name-of-usual-length-$i.txt; i=$((i+1)); done
tar -cf /work/tree.tar . && cd /work/c
i=0; while [ $i -lt 150 ]; do
  printf '#include <stdio.h>\\n#include <stdlib.h>\\nint f%d(int argc, char **argv) { int unused; for (int i = 0; i < argc; i++) printf("%%s", argv[i]); }\\n' $i > f$i.c
  i=$((i+1))
done
printf 'all: $(patsubst %%.c,%%.o,$(wildcard *.c))\\n%%.o: %%.c\\n\\tgcc -v -Wall -O2 -c $< -o $@\\n' > Makefile`;

const scripts = {
  'tar -xv, ten times 9,000 files':
    'mkdir /work/out; for i in 1 2 3 4 5 6 7 8 9 10; do tar -C /work/out -xvf /work/tree.tar; done',
  'make, 150 files with gcc -v -Wall': 'make -C /work/c',
  '20,000 lines, with work between':
    'seq 2000 | while read n; do echo $n | sha256sum >/dev/null; seq 1000000000000000 1000000000000009; done',
  '100,000 lines by the shell itself':
    'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); echo "line $i of very many"; done',
  'nothing but print: 1,000,000 lines of seq': 'seq 1000000000000000 1000000001000000',
};

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

const world = await makeWorld({ cache: cacheDir(), onProgress: (text) => console.error(text) });
const daemons = await startTestDaemons(cacheDir());
const dir = await mkdtemp(join(tmpdir(), 'bench-log-step-'));
const transport = openTransport();

/** How long the script runs as a step of the command line. */
async function runAsStep(address: string, packages: readonly string[], script: string): Promise<number> {
  const indented = (text: string): string => text.replaceAll(/^/gm, '      ');
  const pipeline = `  - name: Prepare\n    runs: |\n${indented(preparation)}\n  - name: Measured\n    runs: |\n      # ${randomUUID()}\n${indented(script)}\n`;
  const file = sampleFile(dir, pipeline, { packages: packages.join(', '), runAs: 'root' });
  const { code, stdout, stderr } = await buildPackage({
    file,
    address,
    world,
    dir,
    args: ['--progress', 'json'],
  });
  if (code !== 0) throw new Error(stderr);
  const events = `${stdout}\n${stderr}`
    .split('\n')
    .filter((line) => line.startsWith('{') && /"step(?:Planned|Finished)"/.test(line))
    .map((line) => JSON.parse(line) as { type: string; step: string; name?: string; durationMs?: number });
  const measured = events.find(({ name }) => name === 'Measured')?.step;
  const took = events.find(({ type, step }) => type === 'stepFinished' && step === measured)?.durationMs;
  if (took === undefined) throw new Error('the step was not told of');
  return took;
}

async function measure(client: Client, address: string, packages: readonly string[]): Promise<void> {
  const { value, diagnostics } = await lockEnvironment({
    world: packages,
    repositories: [world.repository],
    keyring: [world.keyring],
    arch: world.arch,
    directory: dir,
    cacheDir: dir,
    transport,
  });
  if (value === undefined) throw new Error(diagnostics.map((d) => d.message).join('\n'));
  const { llb } = await client.capabilities();
  const { state, attachables } = await assemble(value, { cacheDir: dir, transport, caps: llb });
  const prepared: State = state.run({ args: ['/bin/sh', '-c', preparation], network: 'none' }).root;
  const run = async (script: string, log: boolean): Promise<number> => {
    const exec = prepared.run({
      args: [...stepCommand(script, { log }), randomUUID()],
      ...(log ? { mounts: [{ kind: 'bind', dest: logFolder, source: scratch() }] } : {}),
      network: 'none',
      customName: 'measured',
    });
    let tookMs = 0;
    let measured: string | undefined;
    await client.build({
      definition: marshal(exec.root, { platform: 'linux/amd64', caps: llb }),
      session: attachables,
      onEvent: (event) => {
        if (event.type === 'vertexAdded' && event.name === 'measured') measured = event.vertex;
        if (event.type === 'vertexCompleted' && event.vertex === measured)
          tookMs = event.completedMs - event.startedMs;
      },
    });
    return tookMs;
  };
  const rows: Record<string, Record<string, number | string>> = {};
  for (const [name, script] of Object.entries(scripts)) {
    const times: Record<'without' | 'with' | 'step', number[]> = { without: [], with: [], step: [] };
    await runAsStep(address, packages, script);
    for (let i = 0; i < rounds; i++) {
      const ways = [
        async () => times.without.push(await run(script, false)),
        async () => times.with.push(await run(script, true)),
        async () => times.step.push(await runAsStep(address, packages, script)),
      ];
      for (const way of i % 2 === 0 ? ways : ways.toReversed()) await way();
    }
    const ratio = (to: readonly number[]): string =>
      median(to.map((ms, i) => ms / (times.without[i] ?? 0))).toFixed(3);
    rows[name] = {
      'without, ms': Math.round(median(times.without)),
      'with, ms': Math.round(median(times.with)),
      ratio: ratio(times.with),
      'as a step, ms': Math.round(median(times.step)),
      'its ratio': ratio(times.step),
    };
  }
  console.log(packages.join(' '));
  console.table(rows);
}

try {
  for (const [age, address] of Object.entries(daemons.addresses)) {
    if (ages.length > 0 && !ages.includes(age)) continue;
    const client = await connect(address);
    console.log(`BuildKit ${age}`);
    await measure(client, address, ['build-base', 'busybox']);
    await measure(client, address, ['build-base', 'busybox', 'coreutils', 'tar']);
    client.close();
  }
} finally {
  await daemons.stop();
  await rm(dir, { recursive: true, force: true });
}
