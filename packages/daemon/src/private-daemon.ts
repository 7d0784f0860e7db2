import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Endpoint } from '@melange2/buildkit-client';
import { buildError } from '@melange2/diagnostics';
import { daemonCommand, type DaemonProgram } from './daemon-command.ts';
import { pingDockerEngine } from './docker-engine.ts';
import { errors } from './errors.ts';
import { isAlive } from './process-alive.ts';
import { supervisorScript } from './supervisor-script.ts';

export interface PrivateDaemonOptions {
  readonly program: DaemonProgram;
  /** PATH of the daemon: where it finds containerd and runc. The caller's own by default. */
  readonly path?: string;
  /** Further variables of the daemon's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether dockerd keeps images in containerd's store; dockerd before 24 has none. Default true. */
  readonly containerdStore?: boolean;
  /** Whether data outlives the daemon, so that the next start finds a warm cache. Default true. */
  readonly keepData?: boolean;
  /** Time until it must answer. Default 60 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A daemon of our own, in a folder of its own. */
export interface PrivateDaemon {
  readonly endpoint: Endpoint;
  readonly dir: string;
  readonly logFile: string;
  readonly pid: number;
  /** Whether it was running already, started by another process that still needs it. */
  readonly joined: boolean;
  /**
   * Gives the daemon up. It ends when nobody else uses it; then this resolves once it and all that it started are
   * gone. Safe to call twice.
   */
  readonly stop: () => Promise<void>;
}

interface DaemonState {
  readonly endpoint: Endpoint;
  readonly pid: number;
  readonly supervisor: number;
}

/**
 * Starts a daemon in `dir`, or joins the one that another process runs there, and waits until it answers.
 *
 * The daemon ends with the processes that use it, also when they are killed. What an earlier one left behind after
 * a crash of the machine is cleaned first.
 *
 * @throws {BuildError} DAEMON_START_FAILED with the last lines of its log.
 */
export async function startPrivateDaemon(dir: string, options: PrivateDaemonOptions): Promise<PrivateDaemon> {
  await mkdir(dir, { recursive: true, mode: 0o711 });
  const unlock = await lock(join(dir, 'lock'), options.signal);
  try {
    return (await joinRunning(dir)) ?? (await start(dir, options));
  } finally {
    await unlock();
  }
}

/** Looks whether a private daemon runs in `dir`, without starting one. */
export async function readPrivateDaemon(dir: string): Promise<Endpoint | undefined> {
  const state = await readState(dir);
  return state !== undefined && isAlive(state.pid) ? state.endpoint : undefined;
}

async function joinRunning(dir: string): Promise<PrivateDaemon | undefined> {
  const state = await readState(dir);
  if (state === undefined || !isAlive(state.pid) || !isAlive(state.supervisor)) return undefined;
  const user = join(dir, 'users', String(process.pid));
  const registered = await writeFile(user, '').then(
    () => true,
    () => false,
  );
  if (!registered || !(await answers(state.endpoint))) return undefined;
  let stopped = false;
  return {
    endpoint: state.endpoint,
    dir,
    logFile: join(dir, 'log'),
    pid: state.pid,
    joined: true,
    stop: async () => {
      if (stopped) return;
      stopped = true;
      await rm(user, { force: true });
    },
  };
}

async function start(dir: string, options: PrivateDaemonOptions): Promise<PrivateDaemon> {
  const { program, keepData = true, containerdStore = true, timeoutMs = 60_000, signal } = options;
  signal?.throwIfAborted();
  const run = runFolder(dir);
  const left = await readState(dir);
  if (left !== undefined && isAlive(left.supervisor)) {
    process.kill(left.supervisor, 'SIGTERM');
    await waitFor(() => !isAlive(left.supervisor), 15_000);
  }
  await rm(run, { recursive: true, force: true });
  await rm(join(dir, 'users'), { recursive: true, force: true });
  await rm(join(dir, 'exit-code'), { force: true });
  await rm(join(dir, 'daemon.pid'), { force: true });
  await mkdir(join(dir, 'users'), { recursive: true });
  await mkdir(run, { recursive: true });
  // Steps run as other users below the data folder, so it may be passed through; the sockets are the owner's alone.
  await chmod(run, 0o700);
  const logFile = join(dir, 'log');
  await writeFile(logFile, '');

  const command = daemonCommand(program, { dir, run }, { containerdStore });
  for (const [file, text] of Object.entries(command.files)) await writeFile(file, text);
  const supervisorFile = join(run, 'supervisor.sh');
  await writeFile(supervisorFile, supervisorScript);
  const supervisor = spawn(
    '/bin/sh',
    [supervisorFile, dir, run, keepData ? 'keep' : 'remove', ...command.args],
    {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
      env: { ...process.env, ...options.env, PATH: options.path ?? process.env['PATH'] ?? '' },
    },
  );
  let ended: string | undefined;
  supervisor.on('error', (error) => (ended = error.message));
  supervisor.on('exit', () => (ended ??= 'it ended'));
  supervisor.unref();
  const pipe = supervisor.stdin as typeof supervisor.stdin & { unref?: () => void };
  pipe.unref?.();
  pipe.on('error', () => undefined);

  const stop = async (): Promise<void> => {
    pipe.end();
    const pid = supervisor.pid;
    // It may have other users: then it is theirs to end.
    if (pid !== undefined && !(await hasOtherUsers(dir)))
      await waitFor(() => ended !== undefined || !isAlive(pid), 20_000);
  };
  const fail = async (why: string): Promise<never> => {
    const text = await readFile(logFile, 'utf8').catch(() => '');
    await stop();
    throw buildError(errors, 'DAEMON_START_FAILED', {
      program: program.path,
      why,
      logFile,
      lastLines: text.trim().split('\n').slice(-8),
    });
  };

  const deadline = Date.now() + timeoutMs;
  for (let pauseMs = 20; !(await answers(command.endpoint)); pauseMs = Math.min(200, pauseMs * 1.5)) {
    if (signal?.aborted === true) {
      await stop();
      signal.throwIfAborted();
    }
    if (ended !== undefined) await fail(ended);
    if (Date.now() > deadline) await fail(`it did not answer within ${Math.round(timeoutMs / 1000)} s`);
    await sleep(pauseMs);
  }
  const pid = Number(await readFile(join(dir, 'daemon.pid'), 'utf8'));
  const state: DaemonState = { endpoint: command.endpoint, pid, supervisor: supervisor.pid ?? 0 };
  await writeFile(join(dir, 'daemon.json'), JSON.stringify(state));
  return { endpoint: command.endpoint, dir, logFile, pid, joined: false, stop };
}

async function readState(dir: string): Promise<DaemonState | undefined> {
  try {
    return JSON.parse(await readFile(join(dir, 'daemon.json'), 'utf8')) as DaemonState;
  } catch {
    return undefined;
  }
}

async function hasOtherUsers(dir: string): Promise<boolean> {
  const users = await readdir(join(dir, 'users')).catch(() => []);
  return users.some((user) => isAlive(Number(user)));
}

/** containerd's longest socket has 33 bytes below the run folder, and a socket's path has at most 107. */
const longestRunFolder = 70;

function runFolder(dir: string): string {
  const inside = join(dir, 'run');
  if (Buffer.byteLength(inside) <= longestRunFolder) return inside;
  return join(tmpdir(), `melange2-${createHash('sha256').update(dir).digest('hex').slice(0, 12)}`);
}

async function answers(endpoint: Endpoint): Promise<boolean> {
  if (endpoint.kind === 'docker') {
    return pingDockerEngine(endpoint.socket, AbortSignal.timeout(2000)).then(
      () => true,
      () => false,
    );
  }
  if (endpoint.kind !== 'unix') return false;
  const { path } = endpoint;
  return new Promise((resolve) => {
    const socket = connectSocket(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function waitFor(condition: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition() && Date.now() < deadline) await sleep(20);
}

/** Takes a lock file that names its holder; one whose holder is gone is taken over. */
async function lock(file: string, signal: AbortSignal | undefined): Promise<() => Promise<void>> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      const descriptor = openSync(file, 'wx');
      writeSync(descriptor, String(process.pid));
      closeSync(descriptor);
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => '0'));
    if (holder > 0 && !isAlive(holder)) await rm(file, { force: true });
    await sleep(50);
  }
}
