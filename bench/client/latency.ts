// How long the client waits: for its import against `node -e 0`, for a connection, for capabilities, for a build
// whose steps are all cached, without and with a session. Needs `tsc -b` and a daemon.
// `BUILDKIT_HOST=docker+unix:///var/run/docker.sock node bench/client/latency.ts`
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type * as buildkitClient from '@melange2/buildkit-client';
import type * as llb from '@melange2/llb';

const root = join(import.meta.dirname, '../..');
const address = process.env['BUILDKIT_HOST'] ?? 'unix:///run/buildkit/buildkitd.sock';

const median = (values: readonly number[]): string =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!.toFixed(1);

function run(args: readonly string[]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: join(root, 'bench') });
  if (status !== 0) throw new Error(stderr.toString());
  return performance.now() - start;
}

async function timed(rounds: number, work: () => Promise<unknown>): Promise<string> {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return median(times);
}

const importing = [
  '--input-type=module',
  '-e',
  `import '${join(root, 'packages/buildkit-client/dist/index.js')}'`,
];
// In turns, so that what else the machine does falls on both alike.
const imports = Array.from({ length: 25 }, () => ({ nothing: run(['-e', '0']), client: run(importing) }));
const nothing = Number(median(imports.map((t) => t.nothing)));
console.log(
  `import: + ${(Number(median(imports.map((t) => t.client))) - nothing).toFixed(1)} ms on ${nothing} ms (at most 30)`,
);

const { connect } = (await import(
  join(root, 'packages/buildkit-client/dist/index.js')
)) as typeof buildkitClient;
const { marshal, mkfile, scratch } = (await import(join(root, 'packages/llb/dist/index.js'))) as typeof llb;

console.log(
  `connection: ${await timed(20, async () => {
    const client = await connect(address);
    client.close();
  })} ms`,
);
const client = await connect(address);
console.log(`workers (one call): ${await timed(20, () => client.workers())} ms`);
console.log(
  `capabilities: ${await timed(20, async () => {
    const other = await connect(address);
    await other.capabilities();
    other.close();
  })} ms`,
);
const definition = marshal(scratch().file(mkfile('/file', 'content')), { platform: 'linux/amd64' });
console.log(`cached build: ${await timed(20, () => client.build({ definition }))} ms`);
console.log(
  `cached build with a session: ${await timed(20, () =>
    client.build({ definition, session: { secrets: { unused: 'x' } } }),
  )} ms`,
);
const prepared: number[] = [];
for (let i = 0; i < 20; i++) {
  client.prepareSession();
  await new Promise((resolve) => {
    setTimeout(resolve, 400);
  });
  const start = performance.now();
  await client.build({ definition, session: { secrets: { unused: 'x' } } });
  prepared.push(performance.now() - start);
}
console.log(`the same, prepared while something else was done: ${median(prepared)} ms`);
client.close();
