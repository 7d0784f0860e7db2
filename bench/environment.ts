import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type Client } from '@melange2/buildkit-client';
import { assemble, lockEnvironment, openTransport } from '@melange2/environment';
import { marshal } from '@melange2/llb';
import { testKey, tinyRepository } from '@melange2/testing';
import { startTestDaemons } from '../e2e/harness/test-daemons.ts';
import { cacheDir } from '../e2e/world/cache-dir.ts';
import { makeWorld } from '../e2e/world/make-world.ts';

// What an environment costs, from the wish to a step that runs in it:
// node --conditions=x-source bench/environment.ts [0.25 …]
const ages = process.argv.slice(2);
const world = await makeWorld({ cache: cacheDir(), onProgress: (text) => console.error(text) });
const daemons = await startTestDaemons(cacheDir());
const dir = await mkdtemp(join(tmpdir(), 'bench-environment-'));
const key = await testKey();
const transport = openTransport();
const changing = join(dir, 'changing');

async function publish(version: string): Promise<void> {
  const files = { [`usr/share/changing/${version}`]: version };
  await tinyRepository(changing, { arch: world.arch, packages: [{ name: 'changing', version, files }], key });
}

interface Times {
  readonly lockMs: number;
  readonly assembleMs: number;
  readonly solveMs: number;
  readonly packages: number;
}

async function run(client: Client, cache: string): Promise<Times> {
  const started = performance.now();
  const { value, diagnostics } = await lockEnvironment({
    world: ['build-base', 'busybox', 'ca-certificates-bundle', 'changing'],
    repositories: [world.repository, changing],
    keyring: [world.keyring, join(changing, key.keyName)],
    arch: world.arch,
    directory: dir,
    cacheDir: cache,
    transport,
  });
  if (value === undefined) throw new Error(diagnostics.map((d) => d.message).join('\n'));
  const locked = performance.now();
  const { llb } = await client.capabilities();
  const { state, attachables } = await assemble(value, { cacheDir: cache, transport, caps: llb });
  const assembled = performance.now();
  // A variable that differs each time makes the step run, so the root is really mounted.
  const env = { BENCH: String(performance.timeOrigin + performance.now()) };
  const { root } = state.run({ args: ['/bin/true'], env, network: 'none' });
  const definition = marshal(root, { platform: 'linux/amd64', caps: llb });
  await client.build({ definition, session: attachables });
  return {
    lockMs: Math.round(locked - started),
    assembleMs: Math.round(assembled - locked),
    solveMs: Math.round(performance.now() - assembled),
    packages: value.packages.length,
  };
}

try {
  for (const [age, address] of Object.entries(daemons.addresses)) {
    if (ages.length > 0 && !ages.includes(age)) continue;
    const client = await connect(address);
    const cache = join(dir, `cache-${age}`);
    await publish('1-r0');
    const rows: Record<string, Times> = {};
    rows['cold'] = await run(client, cache);
    rows['nothing changed'] = await run(client, cache);
    await publish('2-r0');
    rows['one package changed'] = await run(client, cache);
    rows['nothing changed since'] = await run(client, cache);
    rows['client cache empty'] = await run(client, `${cache}-2`);
    console.log(`BuildKit ${age}`);
    console.table(rows);
    client.close();
  }
  console.log(`client: ${Math.round(process.resourceUsage().maxRSS / 1000)} MB at most`);
} finally {
  await transport.close();
  await daemons.stop();
  await rm(dir, { recursive: true, force: true });
}
