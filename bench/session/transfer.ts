import { fork, type ChildProcess } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  closeSync,
  openSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSession, type Attachables, type SessionOptions } from '@melange2/buildkit-client';

// What the session costs, against the least that it could cost:
// node --conditions=x-source bench/session/transfer.ts [send] [receive] [many]
const asked = process.argv.slice(2);
const wanted = (name: string): boolean => asked.length === 0 || asked.includes(name);
const dir = mkdtempSync(join(tmpdir(), 'bench-session-'));
const files = 10_000;
const fileBytes = 50 << 10;
const rounds = 3;
let sockets = 0;

interface Peer {
  readonly path: string;
  readonly child: ChildProcess;
  readonly said: () => Promise<string>;
}

async function startPeer(work: string): Promise<Peer> {
  const path = join(dir, `peer-${sockets++}`);
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
  const peer = await startPeer(work);
  const answer = peer.said();
  const cpu = process.cpuUsage();
  const session = await openSession(
    { kind: 'docker', socket: { kind: 'unix', path: peer.path } },
    attachables,
    options,
  );
  const result = JSON.parse(await answer) as { ms: number; received?: number };
  const spent = cpuSeconds(cpu);
  await session.close();
  if (session.failures.length > 0) throw session.failures[0] as Error;
  peer.child.disconnect();
  return { ...result, cpu: spent };
}

/** The files' bytes through a socket, one after the other. */
async function throughSocket(paths: readonly string[]): Promise<number> {
  const peer = await startPeer('count');
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
  const ms = performance.now() - started;
  peer.child.disconnect();
  return ms;
}

async function fromSocket(): Promise<number> {
  const peer = await startPeer('cat');
  const socket = await opened(peer.path);
  const started = performance.now();
  socket.on('data', () => {});
  await new Promise((resolve) => {
    socket.once('close', resolve);
  });
  peer.child.disconnect();
  return performance.now() - started;
}

async function opened(path: string): Promise<Socket> {
  const socket = connect(path);
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve);
  });
  return socket;
}

function lstatAll(paths: readonly string[]): number {
  const started = performance.now();
  for (const path of paths) lstatSync(path);
  return performance.now() - started;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

async function medianOf<T>(run: () => T | Promise<T>, of: (value: T) => number): Promise<T> {
  const values: T[] = [];
  for (let i = 0; i < rounds; i++) values.push(await run());
  const middle = median(values.map(of));
  return values.find((value) => of(value) === middle)!;
}

function row(name: string, ms: number, peer: string, peerMs: number, atMost: number, more = ''): void {
  console.log(
    `${name.padEnd(36)} ${ms.toFixed(0).padStart(6)} ms  ${peer} ${peerMs.toFixed(0)} ms  ratio ${(ms / peerMs).toFixed(2)} (asked: at most ${atMost})  ${more}`,
  );
}

try {
  if (wanted('send')) {
    const tree = join(dir, 'tree');
    const paths: string[] = [];
    for (let i = 0; i < files; i++) {
      const folder = join(tree, `d${i % 100}`);
      if (i < 100) mkdirSync(folder, { recursive: true });
      const path = join(folder, `file-${i}`);
      const content = Buffer.alloc(fileBytes, i & 255);
      content.writeUInt32BE(i);
      writeFileSync(path, content);
      paths.push(path);
    }
    const cacheDir = join(dir, 'cache');
    const attachables: Attachables = { localDirs: { src: { path: tree } } };
    const plain = await medianOf(
      () => throughSocket(paths),
      (ms) => ms,
    );
    const cold = await medianOf(
      () => withSession('all', attachables, {}),
      ({ ms }) => ms,
    );
    row(
      'send 500 MB in 10,000 files, cold',
      cold.ms,
      'unix socket',
      plain,
      1.6,
      `${cold.cpu.toFixed(2)} CPU s (3.4)`,
    );
    // What was written within the last two seconds is not remembered.
    await new Promise((resolve) => {
      setTimeout(resolve, 2100);
    });
    await withSession('none', attachables, { cacheDir });
    const lstat = await medianOf(
      () => lstatAll(paths),
      (ms) => ms,
    );
    const unchanged = await medianOf(
      () => withSession('none', attachables, { cacheDir }),
      ({ ms }) => ms,
    );
    row('the same, unchanged', unchanged.ms, 'lstat of each', lstat, 4, `${unchanged.cpu.toFixed(2)} CPU s`);
    rmSync(tree, { recursive: true });
  }
  if (wanted('receive')) {
    const plain = await medianOf(fromSocket, (ms) => ms);
    let received = 0;
    const tar = await medianOf(
      () =>
        withSession(
          'tar',
          {
            exports: [
              {
                kind: 'stream',
                output: async (stream) => {
                  for await (const chunk of stream) received += (chunk as Buffer).length;
                },
              },
            ],
          },
          {},
        ),
      ({ ms }) => ms,
    );
    row(
      'receive 500 MB as tar',
      tar.ms,
      'unix socket',
      plain,
      1.5,
      `${tar.cpu.toFixed(2)} CPU s, ${received / rounds} bytes`,
    );
  }
  if (wanted('many')) {
    const tree = join(dir, 'many');
    for (let i = 0; i < 100_000; i++) {
      const folder = join(tree, `d${i % 1000}`);
      if (i < 1000) mkdirSync(folder, { recursive: true });
      const path = join(folder, `file-${i}`);
      closeSync(openSync(path, 'w'));
      truncateSync(path, 50 << 10);
    }
    const { ms, cpu } = await withSession('all', { localDirs: { src: { path: tree } } }, {});
    console.log(
      `send 100,000 files, 5 GB sparse: ${ms.toFixed(0)} ms, ${cpu.toFixed(2)} CPU s, ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB at most (asked: 250)`,
    );
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
