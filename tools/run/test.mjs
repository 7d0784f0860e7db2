// Runs all tests, unit to e2e, and ends with the sum alone on a line.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bin, ensureDebianPackages, root, run, say, workspaceEnv } from './lib.mjs';
import { setup } from './setup.mjs';

await setup();

const toolChain = 'the built-in pipelines are tried with it';
const peer = 'what melange2 writes is compared with what it says';
await ensureDebianPackages(
  [
    ...[
      'autoconf',
      'automake',
      'cmake',
      'gcc',
      'git',
      'libc6-dev',
      'make',
      'meson',
      'ninja-build',
      'patch',
      'perl',
    ].map((name) => ({ name, purpose: toolChain })),
    ...['binutils', 'openssl', 'xz-utils'].map((name) => ({ name, purpose: peer })),
    { name: 'chromium', purpose: 'build graphs are made in a browser' },
    { name: 'openssh-client', purpose: 'a step uses an SSH key with it; daemons are reached by it' },
    { name: 'openssh-server', purpose: 'a daemon is reached over SSH, on loopback with throw-away keys' },
    // With runc there, podman brings no other runtime along, which may not run on this machine.
    ...['runc', 'podman'].map((name) => ({ name, purpose: 'a daemon is reached in a container of podman' })),
  ],
  'Tests that need them are skipped.',
);

const folder = mkdtempSync(join(tmpdir(), 'melange2-test-'));
const sum = { passed: 0, failed: 0, skipped: 0 };
let broken = false;
try {
  for (const project of ['unit', 'repo', 'e2e']) {
    say(`\n== ${project}`);
    const report = join(folder, `${project}.json`);
    const code = await run(
      join(bin, 'vitest'),
      [
        'run',
        '--project',
        project,
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${report}`,
        '--passWithNoTests',
      ],
      {
        cwd: root,
        env: workspaceEnv({ FORCE_COLOR: process.stdout.isTTY ? '1' : '0', MELANGE2_ALL_TESTS: '1' }),
      },
    );
    let result;
    try {
      result = JSON.parse(readFileSync(report, 'utf8'));
    } catch {
      say(`The ${project} tests did not come to an end.`);
      broken = true;
      continue;
    }
    sum.passed += result.numPassedTests;
    sum.failed += result.numFailedTests;
    sum.skipped += result.numPendingTests + result.numTodoTests;
    // A file that fails to load, or an error outside of any test, has no failed test of its own.
    if (code !== 0 && result.numFailedTests === 0) {
      sum.failed += 1;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (broken) sum.failed += 1;
const skipped = sum.skipped > 0 ? `, ${sum.skipped} skipped` : '';
process.stdout.write(`\n${sum.passed} passed, ${sum.failed} failed${skipped}\n`);
process.exit(sum.failed > 0 ? 1 : 0);
