// What a renderer takes of a real build: 10,000 steps that print 1,000,000 lines, by the command line on a terminal, on a
// daemon of its own: node --conditions=x-source bench/progress/real-build.ts [tty,quiet …] [steps] [lines of each] [0.25]
// Build with `npm run setup` first. The table has seconds of processor: of the daemon with all that it starts, of melange2
// as a process, and of what the renderer does in it, by a profile with samples each 10 ms.
//
// On two cores, BuildKit 0.25, in ten minutes: daemon 932 s, melange2 41 s, the live tree 11 s of it, which is 1.2 % of the
// build; 241 MiB at most, of which the graph of 10,000 steps is the larger part (400 steps: 132 MiB).
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatEndpoint } from '@melange2/buildkit-client';
import { startPrivateDaemon } from '@melange2/daemon';
import { daemonProgram } from '../../e2e/harness/daemon-programs.ts';
import { repositoryRoot } from '../../e2e/harness/melange2.ts';
import { onTerminal } from '../../e2e/harness/on-terminal.ts';
import { cacheDir } from '../../e2e/world/cache-dir.ts';
import { makeWorld } from '../../e2e/world/make-world.ts';

const [modes = 'tty', steps = '10000', lines = '100', age = '0.25'] = process.argv.slice(2);
const packages = 50;
const lanes = 4;
const stepsOfLane = Math.round(Number(steps) / packages / lanes);
/** Of one second, in `/proc`: the kernel shows no others to programs. */
const clockTicks = 100;

/** Seconds of CPU of a process and all below it, with those that have ended. */
function cpuOf(pid: number): number {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const fields = readFileSync(`/proc/${name}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ');
        const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
        return [{ pid: Number(name), parent: Number(fields[1]), ticks }];
      } catch {
        return []; // It has ended.
      }
    });
  const below = (parent: number): number =>
    stats
      .filter((stat) => stat.parent === parent)
      .reduce((sum, stat) => sum + stat.ticks + below(stat.pid), 0);
  return (below(pid) + (stats.find((stat) => stat.pid === pid)?.ticks ?? 0)) / clockTicks;
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Seconds that a thread was busy below functions of a file, with their part of collecting garbage. */
function secondsIn(profile: Profile, file: string): number {
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const own = new Map<number, number>();
  for (const [i, id] of profile.samples.entries())
    own.set(id, (own.get(id) ?? 0) + (profile.timeDeltas[i] ?? 0));
  const total = { busy: 0, inFile: 0, garbage: 0 };
  const visit = (node: ProfileNode, above: boolean): void => {
    const inside = above || node.callFrame.url.endsWith(file);
    const time = own.get(node.id) ?? 0;
    const { functionName } = node.callFrame;
    if (functionName === '(garbage collector)') total.garbage += time;
    else if (functionName !== '(idle)') {
      total.busy += time;
      if (inside) total.inFile += time;
    }
    for (const child of node.children ?? []) visit(byId.get(child)!, inside);
  };
  visit(profile.nodes[0]!, false);
  return (total.inFile * (1 + total.garbage / Math.max(1, total.busy))) / 1e6;
}

/** The file of the bundle that a renderer is in. */
function rendererFile(mode: string): string {
  const bundle = join(repositoryRoot, 'packages/cli/dist/bundle');
  const factory = `progress${mode.slice(0, 1).toUpperCase()}${mode.slice(1)}`;
  const file = readdirSync(bundle).find(
    (name) => name.endsWith('.js') && readFileSync(join(bundle, name), 'utf8').includes(`export{${factory}}`),
  );
  if (file === undefined) throw new Error(`no file of the bundle exports ${factory}`);
  return `/${file}`;
}

const cache = cacheDir();
const world = await makeWorld({ onProgress: (text) => console.error(text) });
mkdirSync(cache, { recursive: true });
const dir = mkdtempSync(join(cache, 'bench-real-'));

const uses = `    - uses: bench/many\n      with: {lanes: '${lanes}', steps: '${stepsOfLane}', lines: '${lines}'}\n`;
const file = join(dir, 'many.yaml');
writeFileSync(
  file,
  `package:
  name: many
  version: "1"
  epoch: 0
environment:
  contents:
    packages: [busybox, coreutils]
pipeline:
${uses.replaceAll(/^ {2}/gm, '')}subpackages:
${Array.from({ length: packages - 1 }, (_, i) => `  - name: many-${i}\n    pipeline:\n${uses.replaceAll(/^/gm, '  ').trimEnd()}\n`).join('')}`,
);
mkdirSync(join(dir, 'many'));

async function build(address: string, pid: number, mode: string): Promise<Record<string, number | string>> {
  const profiles = join(dir, `profiles-${mode}`);
  const state = join(dir, `state-${mode}`);
  const usage = join(dir, `usage-${mode}.json`);
  const tell = `import{writeFileSync}from'node:fs';import{isMainThread}from'node:worker_threads';if(isMainThread)process.on('exit',()=>writeFileSync(${JSON.stringify(usage)},JSON.stringify(process.resourceUsage())))`;
  const before = cpuOf(pid);
  const started = performance.now();
  const node = `--cpu-prof --cpu-prof-dir=${profiles} --cpu-prof-interval=10000 --import=data:text/javascript,${encodeURIComponent(tell)}`;
  const asked = `build ${file} --progress=${mode} --arch=${world.arch} --repository-append=${world.repository} --keyring-append=${world.keyring} --apk-cache-dir=${dir}/apk-cache --out-dir=${dir}/packages --plugin=${import.meta.dirname}/many-steps.mjs`;
  const program = join(repositoryRoot, 'packages/cli/bin/melange2.js');
  const { code, text } = await onTerminal(
    [process.execPath, ...node.split(' '), program, ...asked.split(' ')],
    {
      cwd: dir,
      columns: 120,
      rows: 40,
      env: { BUILDKIT_HOST: address, XDG_CACHE_HOME: join(dir, 'cache'), XDG_STATE_HOME: state },
    },
  );
  if (code !== 0) throw new Error(text.slice(-5000));
  const seconds = (performance.now() - started) / 1000;
  const daemon = cpuOf(pid) - before;
  const { userCPUTime, systemCPUTime, maxRSS } = JSON.parse(
    readFileSync(usage, 'utf8'),
  ) as NodeJS.ResourceUsage;
  const melange2 = (userCPUTime + systemCPUTime) / 1e6;
  const renderer = readdirSync(profiles)
    .map((name) => JSON.parse(readFileSync(join(profiles, name), 'utf8')) as Profile)
    .reduce((sum, profile) => sum + secondsIn(profile, rendererFile(mode)), 0);
  const round = (value: number): number => Number(value.toFixed(2));
  return {
    seconds: Math.round(seconds),
    'daemon, CPU s': round(daemon),
    'melange2, CPU s': round(melange2),
    'renderer, CPU s': round(renderer),
    '% of the build': round((100 * renderer) / (daemon + melange2)),
    '% of melange2': round((100 * renderer) / melange2),
    'peak MiB': Math.round(maxRSS / 1024),
    ...toldOf(state),
  };
}

/** How many vertices the daemon has told of, and how many lines of them have come: from the record of the build. */
function toldOf(state: string): Record<string, number> {
  const builds = join(state, 'melange2/builds');
  const folder = join(builds, readdirSync(builds)[0] ?? '');
  const record = JSON.parse(readFileSync(join(folder, 'record.json'), 'utf8')) as { steps: unknown[] };
  const ends = readdirSync(join(folder, 'logs')).map(
    (name) => readFileSync(join(folder, 'logs', name), 'utf8').split('\n').length - 1,
  );
  return { vertices: record.steps.length, lines: ends.reduce((sum, count) => sum + count, 0) };
}

const daemon = await startPrivateDaemon(join(dir, 'daemon'), {
  ...(await daemonProgram(cache, age)),
  keepData: false,
});
try {
  const rows: Record<string, Record<string, number | string>> = {};
  for (const mode of modes.split(','))
    rows[mode] = await build(formatEndpoint(daemon.endpoint), daemon.pid, mode);
  console.log(`BuildKit ${age}, ${packages * lanes * stepsOfLane} steps of ${lines} lines each`);
  console.table(rows);
} finally {
  await daemon.stop();
  rmSync(dir, { recursive: true, force: true });
}
