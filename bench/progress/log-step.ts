// What keeping a step's whole output costs on a daemon: how long the step runs, by the daemon's clock, with and without its
// log: node --conditions=x-source bench/progress/log-step.ts [0.25 …] [--rounds N]
// Both run in turn, each first every other time; the table has the medians, and the median of the rounds' ratios. The
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

async function measure(client: Client, packages: readonly string[]): Promise<void> {
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
    const times: { readonly without: number; readonly with: number }[] = [];
    await run(script, true);
    for (let i = 0; i < rounds; i++) {
      const first = await run(script, i % 2 === 0);
      const second = await run(script, i % 2 !== 0);
      times.push(i % 2 === 0 ? { with: first, without: second } : { with: second, without: first });
    }
    rows[name] = {
      'without, ms': Math.round(median(times.map((t) => t.without))),
      'with, ms': Math.round(median(times.map((t) => t.with))),
      ratio: median(times.map((t) => t.with / t.without)).toFixed(3),
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
    await measure(client, ['build-base', 'busybox']);
    await measure(client, ['build-base', 'busybox', 'coreutils', 'tar']);
    client.close();
  }
} finally {
  await daemons.stop();
  await rm(dir, { recursive: true, force: true });
}
