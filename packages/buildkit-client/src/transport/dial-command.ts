import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import type { Endpoint } from '../endpoint.ts';
import { ConnectionError } from '../grpc/grpc-error.ts';
import { defaultDialTimeoutMs, type DialOptions } from './dial.ts';

const keptErrorBytes = 8 << 10;

/**
 * Starts a program and returns its standard input and output as one stream. Destroying the stream ends the program.
 *
 * Resolves when the program runs; whether it reaches the daemon shows when the daemon speaks. When it ends without
 * having said anything, what it wrote to standard error is the message.
 *
 * @throws {ConnectionError} `refused` when there is no such program.
 */
export async function dialCommand(
  endpoint: Extract<Endpoint, { kind: 'command' }>,
  options: DialOptions,
): Promise<Duplex> {
  const { signal, timeoutMs = defaultDialTimeoutMs } = options;
  signal?.throwIfAborted();
  const child = spawn(endpoint.program, [...endpoint.args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C at a terminal goes to the whole group; the build has to be cancelled on the connection first.
    detached: true,
  });
  const { stdin, stdout, stderr } = child;
  let words: Buffer = Buffer.alloc(0);
  stderr.on('data', (chunk: Buffer) => {
    words = Buffer.concat([words, chunk]).subarray(-keptErrorBytes);
  });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new ConnectionError('timeout', `${endpoint.program} did not start within ${timeoutMs} ms.`));
    }, timeoutMs);
    child.once('spawn', () => {
      clearTimeout(timer);
      resolve();
    });
    child.once('error', (cause: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      const message =
        cause.code === 'ENOENT'
          ? `The program ${endpoint.program} is not on PATH.`
          : `The program ${endpoint.program} could not be started: ${cause.message}.`;
      reject(new ConnectionError('refused', message, [], cause));
    });
  });

  const duplex = new Duplex({
    read() {
      stdout.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      if (stdin.write(chunk)) done();
      else stdin.once('drain', () => done());
    },
    final(done) {
      stdin.end(() => done());
    },
    destroy(error, done) {
      stdin.destroy();
      stdout.destroy();
      stderr.destroy();
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), 2000);
        timer.unref();
        child.once('exit', () => clearTimeout(timer));
      }
      done(error);
    },
  });
  stdout.on('data', (chunk: Buffer) => {
    if (!duplex.push(chunk)) stdout.pause();
  });
  const ignore = (): void => {};
  stdin.on('error', ignore);
  stdout.on('error', ignore);
  stderr.on('error', ignore);
  child.on('error', ignore);
  child.once('close', (code, killedBy) => {
    if (duplex.destroyed) return;
    const said = words.toString('utf8').trim();
    const how = code === null ? `was ended by ${killedBy ?? 'a signal'}` : `ended with exit code ${code}`;
    duplex.destroy(
      new ConnectionError('closed', `${endpoint.program} ${how}${said === '' ? '.' : `: ${said}`}`),
    );
  });
  return duplex;
}
