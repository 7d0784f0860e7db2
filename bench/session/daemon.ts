import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@melange2/buildkit-client';
import { local, marshal } from '@melange2/llb';
import { startTestDaemons } from '../../e2e/harness/test-daemons.ts';
import { cacheDir } from '../../e2e/world/cache-dir.ts';

// What a client takes to send 500 MB in 10,000 files to real daemons, with the daemons' own work in the wall time:
// node --conditions=x-source bench/session/daemon.ts [0.25 …]
const ages = process.argv.slice(2);
const rounds = 3;
const daemons = await startTestDaemons(cacheDir());
const dir = mkdtempSync(join(tmpdir(), 'bench-daemon-'));
const tree = join(dir, 'tree');

try {
  const program = join(import.meta.dirname, 'make-tree.ts');
  execFileSync(process.execPath, ['--no-warnings', program, tree, '10000', '100', 'FULL']);
  // What was written within the last two seconds is not remembered.
  await new Promise((resolve) => {
    setTimeout(resolve, 2100);
  });
  for (const [age, address] of Object.entries(daemons.addresses)) {
    if (ages.length > 0 && !ages.includes(age)) continue;
    for (let round = 0; round < rounds; round++) {
      const client = await connect(address);
      const source = local('src', { sharedKeyHint: `bench-${process.pid}-${round}` });
      const definition = marshal(source, { platform: 'linux/amd64' });
      for (const work of ['cold', 'unchanged'] as const) {
        const started = performance.now();
        const before = process.cpuUsage();
        await client.build({
          definition,
          session: { localDirs: { src: { path: tree } } },
          sessionOptions: { cacheDir: join(dir, `cache-${round}`) },
        });
        const { user, system } = process.cpuUsage(before);
        console.log(
          `BuildKit ${age.padEnd(5)} ${work.padEnd(9)} ${Math.round(performance.now() - started)} ms, ${((user + system) / 1e6).toFixed(2)} CPU s of the client`,
        );
      }
      client.close();
    }
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
  await daemons.stop();
}
