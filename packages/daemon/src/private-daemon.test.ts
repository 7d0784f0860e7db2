import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startPrivateDaemon } from './private-daemon.ts';
import { isAlive } from './process-alive.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'm2-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** A program that stands for buildkitd: it listens where it is told to. */
function fakeBuildkitd(body: string): string {
  const file = join(base, 'buildkitd');
  writeFileSync(
    file,
    `#!${process.execPath}
const path = process.argv[process.argv.indexOf('--addr') + 1].slice('unix://'.length);
${body}`,
    { mode: 0o755 },
  );
  return file;
}

const listens = `require('node:net').createServer(() => {}).listen(path);`;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(20);
}

test('a daemon answers when it is handed out, and is gone with its sockets when it is stopped', async () => {
  const dir = join(base, 'd');
  const daemon = await startPrivateDaemon(dir, {
    program: { kind: 'buildkitd', path: fakeBuildkitd(listens) },
  });
  expect(isAlive(daemon.pid)).toBe(true);
  await daemon.stop();
  await daemon.stop();
  expect(isAlive(daemon.pid)).toBe(false);
  expect(existsSync(join(dir, 'run'))).toBe(false);
});

test("a buildkitd leaves the machine's containerd alone", async () => {
  const told = join(base, 'told');
  const body = `require('node:fs').writeFileSync(${JSON.stringify(told)}, process.argv.join(' ')); ${listens}`;
  const daemon = await startPrivateDaemon(join(base, 'd'), {
    program: { kind: 'buildkitd', path: fakeBuildkitd(body) },
  });
  await daemon.stop();
  expect(readFileSync(told, 'utf8')).toContain('--containerd-worker=false');
});

test('data that are not to be kept go with the daemon', async () => {
  const dir = join(base, 'd');
  const program = { kind: 'buildkitd', path: fakeBuildkitd(listens) } as const;
  const daemon = await startPrivateDaemon(dir, { program, keepData: false });
  await daemon.stop();
  expect(existsSync(dir)).toBe(false);
});

test('a second start joins the daemon that runs', async () => {
  const dir = join(base, 'd');
  const program = { kind: 'buildkitd', path: fakeBuildkitd(listens) } as const;
  const first = await startPrivateDaemon(dir, { program });
  const second = await startPrivateDaemon(dir, { program });
  expect({ pid: second.pid, joined: second.joined }).toEqual({ pid: first.pid, joined: true });
  await second.stop();
  expect(isAlive(first.pid)).toBe(true);
  await first.stop();
});

test('a daemon that does not start is reported with its last words', async () => {
  const path = fakeBuildkitd(`console.error('no cgroups here'); process.exit(3);`);
  await expect(
    startPrivateDaemon(join(base, 'd'), { program: { kind: 'buildkitd', path } }),
  ).rejects.toMatchObject({
    code: 'DAEMON_START_FAILED',
    details: { why: 'it ended', lastLines: ['no cgroups here'] },
  });
});

test('a daemon ends when the process that started it is killed', async () => {
  const dir = join(base, 'd');
  const script = join(base, 'start.mts');
  writeFileSync(
    script,
    `import { startPrivateDaemon } from ${JSON.stringify(join(import.meta.dirname, 'private-daemon.ts'))};
await startPrivateDaemon(${JSON.stringify(dir)}, { program: { kind: 'buildkitd', path: ${JSON.stringify(fakeBuildkitd(listens))} } });
console.log('started');
setInterval(() => {}, 1000);`,
  );
  const child = spawn(process.execPath, ['--conditions=x-source', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const pid = Number(readFileSync(join(dir, 'daemon.pid'), 'utf8'));
  expect(isAlive(pid)).toBe(true);
  child.kill('SIGKILL');
  await until(() => !isAlive(pid));
  await until(() => !existsSync(join(dir, 'run')));
});
