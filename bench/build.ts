// What a whole build of examples/zip.yaml costs through the command line, by what has changed since the last one:
// node --conditions=x-source bench/build.ts [0.25 …]
// Build with `npm run setup` first.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testKey, tinyRepository } from '@melange2/testing';
import { buildPackage } from '../e2e/harness/build-package.ts';
import { repositoryRoot } from '../e2e/harness/melange2.ts';
import { startTestDaemons } from '../e2e/harness/test-daemons.ts';
import { cacheDir } from '../e2e/world/cache-dir.ts';
import { makeWorld } from '../e2e/world/make-world.ts';

const ages = process.argv.slice(2);
const world = await makeWorld({ onProgress: (text) => console.error(text) });
const daemons = await startTestDaemons(cacheDir());
const dir = mkdtempSync(join(tmpdir(), 'bench-build-'));
const key = await testKey();
const changing = join(dir, 'changing');
const file = join(dir, 'source/zip.yaml');
mkdirSync(join(dir, 'source'));
const text = readFileSync(join(repositoryRoot, 'examples/zip.yaml'), 'utf8');
const trace = join(dir, 'trace.jsonl');

async function publish(version: string): Promise<void> {
  const files = { 'usr/share/changing': version };
  await tinyRepository(changing, { arch: world.arch, packages: [{ name: 'changing', version, files }], key });
}

async function build(address: string): Promise<Readonly<Record<string, number>>> {
  const started = performance.now();
  const { code, stderr } = await buildPackage({
    file,
    address,
    world,
    dir,
    args: [
      '--package-append',
      'changing',
      '--repository-append',
      changing,
      '--keyring-append',
      join(changing, key.keyName),
      '--trace',
      trace,
      '--progress',
      'quiet',
    ],
  });
  if (code !== 0) throw new Error(stderr);
  const total = performance.now() - started;
  const stages = readFileSync(trace, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly stage: string; readonly durationMs: number })
    .map(({ stage, durationMs }) => [stage, Math.round(durationMs)] as const);
  rmSync(trace);
  return { total: Math.round(total), ...Object.fromEntries(stages) };
}

const startUp = (args: readonly string[]): number => {
  const times = Array.from({ length: 9 }, () => {
    const started = performance.now();
    spawnSync(process.execPath, [...args], { stdio: 'ignore' });
    return performance.now() - started;
  });
  return times.toSorted((a, b) => a - b)[4] ?? 0;
};

try {
  for (const [age, address] of Object.entries(daemons.addresses)) {
    if (ages.length > 0 && !ages.includes(age)) continue;
    rmSync(join(dir, 'apk-cache'), { recursive: true, force: true });
    await publish('1-r0');
    writeFileSync(file, text);
    const rows: Record<string, Readonly<Record<string, number>>> = {};
    rows['cold'] = await build(address);
    rows['nothing changed'] = await build(address);
    rows['nothing changed, again'] = await build(address);
    writeFileSync(
      file,
      text.replace('- uses: split/manpages', '- uses: split/manpages\n      - runs: "true"'),
    );
    rows['last step changed'] = await build(address);
    await publish('2-r0');
    rows['one environment package changed'] = await build(address);
    console.log(`BuildKit ${age}, milliseconds`);
    console.table(rows);
  }
  const cli = join(repositoryRoot, 'packages/cli/bin/melange2.js');
  const overMs = startUp([cli, '--version']) - startUp(['-e', '0']);
  console.log(`melange2 --version: ${overMs.toFixed(0)} ms more than node -e 0`);
} finally {
  await daemons.stop();
  rmSync(dir, { recursive: true, force: true });
}
