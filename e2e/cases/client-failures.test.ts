import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@melange2/buildkit-client';
import { startPrivateDaemon, type PrivateDaemon } from '@melange2/daemon';
import { marshal } from '@melange2/llb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { busyboxState, sh } from '../harness/busybox.ts';
import { daemonAges, daemonProgram } from '../harness/daemon-programs.ts';
import { slack } from '../harness/slack.ts';
import { cacheDir } from '../world/cache-dir.ts';

/** Stops a process and resolves when each of its threads has stopped: a busy one may go on for a while. */
async function freeze(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  const threads = `/proc/${pid}/task`;
  const stopped = (thread: string): boolean =>
    /\) T /.test(readFileSync(join(threads, thread, 'stat'), 'utf8'));
  while (!readdirSync(threads).every(stopped)) await sleep(10);
}

const ages = (await daemonAges()).filter((age) => age !== '0.13');

describe.skipIf(process.getuid?.() !== 0).each(ages)('a daemon of BuildKit %s that fails', (age) => {
  let dir: string;
  let daemon: PrivateDaemon;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'm2-fails-'));
    daemon = await startPrivateDaemon(dir, { ...(await daemonProgram(cacheDir(), age)), keepData: false });
  });
  afterAll(async () => {
    await daemon?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  /** Starts a build that runs for long, does this to the daemon, and returns how the build ended and when. */
  async function buildDuring(what: () => void): Promise<{ error: Error; afterMs: number }> {
    const client = await connect(daemon.endpoint);
    const step = (await busyboxState()).run({
      args: sh(`echo ${randomUUID()}; sleep 60`),
      network: 'none',
    }).root;
    let doneMs = 0;
    try {
      await client.build({
        definition: marshal(step, { platform: 'linux/amd64' }),
        session: { secrets: { unused: 'x' } },
        onEvent: (event) => {
          if (event.type !== 'vertexLog') return;
          what();
          doneMs = performance.now();
        },
      });
    } catch (cause) {
      return { error: cause as Error, afterMs: performance.now() - doneMs };
    } finally {
      client.close();
    }
    throw new Error('It succeeded.');
  }

  test('by hanging: the build ends within five seconds and says so', async () => {
    try {
      const { error, afterMs } = await buildDuring(() => process.kill(daemon.pid, 'SIGSTOP'));
      expect('code' in error && error.code).toBe('BUILDKIT_CONNECTION_LOST');
      expect(error.message).toContain('has not answered');
      expect(error.message).toContain('Control.Solve');
      expect(afterMs).toBeLessThan(slack * 5000);
    } finally {
      process.kill(daemon.pid, 'SIGCONT');
    }
  });

  test('by hanging before anybody connects: connecting ends within five seconds', async () => {
    await freeze(daemon.pid);
    const startedMs = performance.now();
    try {
      const error = await connect(daemon.endpoint).then(
        () => undefined,
        (cause: unknown) => cause as Error,
      );
      expect(error !== undefined && 'code' in error && error.code).toBe('BUILDKIT_UNREACHABLE');
      expect(performance.now() - startedMs).toBeLessThan(slack * 5000);
    } finally {
      process.kill(daemon.pid, 'SIGCONT');
    }
  });

  test('by being killed: the build ends at once and says so', async () => {
    const { error, afterMs } = await buildDuring(() => process.kill(daemon.pid, 'SIGKILL'));
    expect('code' in error && error.code).toBe('BUILDKIT_CONNECTION_LOST');
    expect(afterMs).toBeLessThan(slack * 5000);
  });
});
