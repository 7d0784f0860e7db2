import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSession, type Attachables, type SessionOptions } from '@melange2/buildkit-client';
import { clientSessions } from '../../packages/buildkit-client/dist/open-session.js';

// What the session costs, against the least that it could cost; needs `npm run setup`:
// node bench/session/transfer.ts [send] [receive] [many] [alone]
// The sessions are those of one client, which uses a thread again; `alone` gives each a thread of its own.
const asked = process.argv.slice(2).filter((word) => word !== 'alone');
const sessions = clientSessions();
const open = process.argv.includes('alone') ? openSession : sessions.open;
const wanted = (name: string): boolean => asked.length === 0 || asked.includes(name);
const dir = mkdtempSync(join(tmpdir(), 'bench-session-'));
const files = 10_000;
const rounds = 7;
/** The other ends by what they do. Like a daemon, they run for longer than one session. */
const peers = new Map<string, Promise<Peer>>();

interface Timed {
  readonly ms: number;
}

interface Peer {
  readonly path: string;
  readonly child: ChildProcess;
  readonly said: () => Promise<string>;
}

function peerThatDoes(work: string): Promise<Peer> {
  const peer = peers.get(work) ?? startPeer(work);
  peers.set(work, peer);
  return peer;
}

async function startPeer(work: string): Promise<Peer> {
  const path = join(dir, `peer-${work}`);
  const child = fork(join(import.meta.dirname, 'peer.ts'), [path, work], {
    execArgv: ['--conditions=x-source'],
  });
  const said = (): Promise<string> =>
    new Promise((resolve) => {
      child.once('message', (text: string) => resolve(text));
    });
  await said();
  return { path, child, said };
}

function cpuSeconds(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
}

async function withSession(
  work: string,
  attachables: Attachables,
  options: SessionOptions,
): Promise<{ ms: number; cpu: number; received?: number }> {
  const peer = await peerThatDoes(work);
  const answer = peer.said();
  const cpu = process.cpuUsage();
  const session = await open(
    { kind: 'docker', socket: { kind: 'unix', path: peer.path } },
    attachables,
    options,
  );
  const result = JSON.parse(await answer) as { ms: number; received?: number };
  const spent = cpuSeconds(cpu);
  await session.close();
  if (session.failures.length > 0) throw session.failures[0] as Error;
  return { ...result, cpu: spent };
}

/** The files' bytes through a socket, one after the other. */
async function throughSocket(paths: readonly string[]): Promise<Timed> {
  const peer = await peerThatDoes('count');
  const socket = await opened(peer.path);
  const started = performance.now();
  for (const path of paths) {
    if (!socket.write(readFileSync(path)))
      await new Promise<void>((resolve) => {
        socket.once('drain', resolve);
      });
  }
  socket.end();
  socket.resume();
  await new Promise((resolve) => {
    socket.once('close', resolve);
  });
  return { ms: performance.now() - started };
}

async function fromSocket(): Promise<Timed> {
  const peer = await peerThatDoes('cat');
  const socket = await opened(peer.path);
  const started = performance.now();
  socket.on('data', () => {});
  await new Promise((resolve) => {
    socket.once('close', resolve);
  });
  return { ms: performance.now() - started };
}

async function opened(path: string): Promise<Socket> {
  const socket = connect(path);
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve);
  });
  return socket;
}

function lstatAll(paths: readonly string[]): Timed {
  const started = performance.now();
  for (const path of paths) lstatSync(path);
  return { ms: performance.now() - started };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Runs both in turns, so that what else the machine does falls on both alike. Returns the one of median time each. */
async function inTurns<T extends Timed>(
  peer: () => Timed | Promise<Timed>,
  ours: () => Promise<T>,
): Promise<{ readonly peerMs: number; readonly ours: T }> {
  const times: { readonly peer: number; readonly ours: T }[] = [];
  for (let i = 0; i < rounds; i++) times.push({ peer: (await peer()).ms, ours: await ours() });
  const middle = median(times.map((round) => round.ours.ms));
  return {
    peerMs: median(times.map((round) => round.peer)),
    ours: times.find((round) => round.ours.ms === middle)!.ours,
  };
}

function makeTree(tree: string, count: number, folders: number, kind: 'FULL' | 'SPARSE'): void {
  const program = join(import.meta.dirname, 'make-tree.ts');
  execFileSync(process.execPath, ['--no-warnings', program, tree, `${count}`, `${folders}`, kind]);
}

function row(
  name: string,
  { peerMs, ours }: { readonly peerMs: number; readonly ours: Timed & { readonly cpu: number } },
  peer: string,
  atMost: number,
  more = '',
): void {
  const ratio = (ours.ms / peerMs).toFixed(2);
  console.log(
    `${name.padEnd(34)} ${ours.ms.toFixed(0).padStart(5)} ms  ${peer} ${peerMs.toFixed(0)} ms  ratio ${ratio} (at most ${atMost})  ${ours.cpu.toFixed(2)} CPU s  ${more}`.trimEnd(),
  );
}

try {
  if (wanted('send')) {
    const tree = join(dir, 'tree');
    makeTree(tree, files, 100, 'FULL');
    const paths = readdirSync(tree, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    const cacheDir = join(dir, 'cache');
    const attachables: Attachables = { localDirs: { src: { path: tree } } };
    const cold = await inTurns(
      () => throughSocket(paths),
      () => withSession('all', attachables, {}),
    );
    row('send 500 MB in 10,000 files, cold', cold, 'unix socket', 1.6, 'at most 3.4 CPU s');
    // What was written within the last two seconds is not remembered.
    await new Promise((resolve) => {
      setTimeout(resolve, 2100);
    });
    await withSession('none', attachables, { cacheDir });
    const unchanged = await inTurns(
      () => lstatAll(paths),
      () => withSession('none', attachables, { cacheDir }),
    );
    row('the same, unchanged', unchanged, 'lstat of each', 4);
    rmSync(tree, { recursive: true });
  }
  if (wanted('receive')) {
    let received = 0;
    const output = async (stream: AsyncIterable<Uint8Array>): Promise<void> => {
      for await (const chunk of stream) received += chunk.length;
    };
    const tar = await inTurns(fromSocket, () =>
      withSession('tar', { exports: [{ kind: 'stream', output }] }, {}),
    );
    row('receive 500 MB as tar', tar, 'unix socket', 1.5, `${received / rounds} bytes`);
  }
  if (wanted('many') && asked.length !== 1) {
    // Its memory is that of a process which has done nothing else.
    execFileSync(process.execPath, ['--no-warnings', import.meta.filename, 'many'], { stdio: 'inherit' });
  } else if (wanted('many')) {
    const tree = join(dir, 'many');
    makeTree(tree, 100_000, 1000, 'SPARSE');
    const { ms, cpu } = await withSession('all', { localDirs: { src: { path: tree } } }, {});
    console.log(
      `send 100,000 files, 5 GB sparse: ${ms.toFixed(0)} ms, ${cpu.toFixed(2)} CPU s, ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB at most (asked: 250)`,
    );
  }
} finally {
  for (const peer of peers.values()) (await peer).child.disconnect();
  sessions.close();
  rmSync(dir, { recursive: true, force: true });
}
