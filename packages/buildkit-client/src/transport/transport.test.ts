import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildError } from '@melange2/diagnostics';
import { control } from '@melange2/proto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connect, type ConnectOptions } from '../connect.ts';
import type { Endpoint } from '../endpoint.ts';
import { answer, startFakeDaemon, type FakeDaemon } from '../testing/fake-daemon.ts';
import { openSessionStream, openSessionTransport } from './session-stream.ts';

const workers = answer(control.Control.methods.ListWorkers, () => ({ record: [{ ID: 'here' }] }));
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function fakeDaemon(): Promise<FakeDaemon & { path: string }> {
  const daemon = await startFakeDaemon(workers);
  cleanups.push(daemon.stop);
  return { ...daemon, path: daemon.address.slice('unix://'.length) };
}

async function listening<Kind extends Server>(server: Kind): Promise<{ server: Kind; port: number }> {
  const sockets = new Set<Socket>();
  for (const event of ['connection', 'secureConnection'])
    server.on(event, (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

function pipeTo(path: string): (socket: Socket) => void {
  return (socket) => {
    const daemon = connectSocket(path);
    socket.on('error', () => daemon.destroy());
    daemon.on('error', () => socket.destroy());
    socket.pipe(daemon).pipe(socket);
  };
}

/** A Docker engine in as much as it upgrades, and then is the fake daemon. */
function dockerEngine(path: string, heads: string[]): (socket: Socket) => void {
  return (socket) => {
    let head = '';
    const onData = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', onData);
      heads.push(head);
      if (!head.startsWith('POST /grpc') && !head.startsWith('POST /session')) {
        socket.end('HTTP/1.1 404 Not Found\r\n\r\n{"message":"page not found"}');
        return;
      }
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
      pipeTo(path)(socket);
    };
    socket.on('data', onData);
    socket.on('error', () => {});
  };
}

async function workersAt(
  address: string | Endpoint,
  options: ConnectOptions = {},
): Promise<readonly string[]> {
  const client = await connect(address, options);
  try {
    return (await client.workers()).map(({ id }) => id);
  } finally {
    client.close();
  }
}

async function failure(work: Promise<unknown>): Promise<BuildError> {
  try {
    await work;
  } catch (cause) {
    return cause as BuildError;
  }
  throw new Error('It succeeded.');
}

describe('transports', () => {
  test('unix', async () => {
    expect(await workersAt((await fakeDaemon()).address)).toEqual(['here']);
  });

  test('tcp', async () => {
    const { path } = await fakeDaemon();
    const { port } = await listening(createServer(pipeTo(path)));
    expect(await workersAt(`tcp://127.0.0.1:${port}`)).toEqual(['here']);
  });

  test('proxies in the environment are not used', async () => {
    const { path } = await fakeDaemon();
    const { port } = await listening(createServer(pipeTo(path)));
    const before = { ...process.env };
    for (const name of ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'all_proxy', 'grpc_proxy'])
      process.env[name] = 'http://127.0.0.1:1';
    try {
      expect(await workersAt(`tcp://127.0.0.1:${port}`)).toEqual(['here']);
    } finally {
      process.env = before;
    }
  });

  test('a Docker engine, by an HTTP upgrade', async () => {
    const { path } = await fakeDaemon();
    const heads: string[] = [];
    const { port } = await listening(createServer(dockerEngine(path, heads)));
    expect(await workersAt(`docker+tcp://127.0.0.1:${port}`)).toEqual(['here']);
    expect(heads).toEqual([
      'POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
    ]);
  });

  test('a Docker engine that refuses the upgrade is quoted', async () => {
    const { port } = await listening(
      createServer((socket) => {
        socket.on('error', () => {});
        socket.end(
          'HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n\r\n{"message":"not for you"}',
        );
      }),
    );
    const error = await failure(workersAt(`docker+tcp://127.0.0.1:${port}`));
    expect(error.code).toBe('BUILDKIT_UNREACHABLE');
    expect(error.message).toContain('The engine answered POST /grpc with HTTP status 403: not for you.');
  });

  test('an engine that never stops sending its answer is refused', async () => {
    const { port } = await listening(
      createServer((socket) => {
        socket.on('error', () => {});
        const send = (): void => {
          while (socket.write(`X-Header: ${'x'.repeat(1000)}\r\n`));
          socket.once('drain', send);
        };
        socket.write('HTTP/1.1 101 UPGRADED\r\n');
        send();
      }),
    );
    const error = await failure(workersAt(`docker+tcp://127.0.0.1:${port}`));
    expect(error.message).toContain('does not speak HTTP as a Docker engine does');
  });

  test('an engine that says nothing is given up on', async () => {
    const { port } = await listening(createServer(() => {}));
    const error = await failure(workersAt(`docker+tcp://127.0.0.1:${port}`, { timeoutMs: 200 }));
    expect([error.code, error.message.includes('did not answer within 200 ms')]).toEqual([
      'BUILDKIT_UNREACHABLE',
      true,
    ]);
  });

  test('a program, whose standard input and output are the connection', async () => {
    const { path } = await fakeDaemon();
    const script = `const s=require('net').connect(process.argv[1]);process.stdin.pipe(s).pipe(process.stdout);s.on('close',()=>process.exit())`;
    const endpoint: Endpoint = {
      kind: 'command',
      program: process.execPath,
      args: ['-e', script, path],
      address: 'docker-container://buildkitd',
    };
    expect(await workersAt(endpoint)).toEqual(['here']);
  });

  test.each([
    ['docker-container://box?context=c', 'docker --context=c exec -i box buildctl dial-stdio'],
    ['podman-container://box', 'podman exec -i box buildctl dial-stdio'],
    ['nerdctl-container://box', 'nerdctl exec -i box buildctl dial-stdio'],
    ['kube-pod://box?namespace=n', 'kubectl --namespace=n exec -i box -- buildctl dial-stdio'],
    ['ssh://me@box', 'ssh -o BatchMode=yes -l me -- box buildctl dial-stdio'],
  ])('%s, by the program that reaches it', async (address, line) => {
    const { path } = await fakeDaemon();
    const dir = mkdtempSync(join(tmpdir(), 'programs-'));
    const before = process.env['PATH'];
    cleanups.push(() => {
      process.env['PATH'] = before;
      rmSync(dir, { recursive: true, force: true });
    });
    const proxy = `const s=require('net').connect('${path}');process.stdin.pipe(s).pipe(process.stdout);s.on('close',()=>process.exit())`;
    const [program = ''] = line.split(' ');
    writeFileSync(
      join(dir, program),
      `#!/bin/sh\necho "${program} $*" > ${dir}/called\nexec '${process.execPath}' -e "${proxy}"\n`,
      { mode: 0o755 },
    );
    process.env['PATH'] = `${dir}:${before}`;
    expect(await workersAt(address)).toEqual(['here']);
    expect(readFileSync(join(dir, 'called'), 'utf8').trim()).toBe(line);
  });

  test('an abort while connecting ends it with the reason', async () => {
    const { port } = await listening(createServer(() => {}));
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error('enough')), 50);
    const error = await failure(workersAt(`tcp://127.0.0.1:${port}`, { signal: stop.signal }));
    expect(error.message).toBe('enough');
  });
});

describe('the session stream', () => {
  test('to buildkitd is a call of Control.Session, with what is offered in its headers', async () => {
    const offered: unknown[] = [];
    const daemon = await startFakeDaemon({
      [control.Control.methods.Session.path]: async (call) => {
        const { headers } = call;
        offered.push(
          headers['x-docker-expose-session-uuid'],
          headers['x-docker-expose-session-name'],
          headers['x-docker-expose-session-sharedkey'],
          headers['x-docker-expose-session-grpc-method'],
        );
        for await (const bytes of call.requests) call.send(bytes);
        call.end();
      },
    });
    cleanups.push(daemon.stop);
    const stream = await openSessionStream(daemon.endpoint, {
      id: 'id',
      name: 'name',
      sharedKey: '',
      methods: ['/a.B/C', '/a.B/D'],
    });
    const sent = Buffer.alloc(5 << 20, 'x');
    stream.end(sent);
    const parts: Buffer[] = [];
    for await (const part of stream) parts.push(part as Buffer);
    expect(Buffer.concat(parts).equals(sent)).toBe(true);
    expect(offered).toEqual(['id', 'name', '', '/a.B/C, /a.B/D']);
  });

  test('to a Docker engine is the socket itself, behind an upgrade', async () => {
    const { path } = await fakeDaemon();
    const heads: string[] = [];
    const { port } = await listening(createServer(dockerEngine(path, heads)));
    const stream = await openSessionStream(
      { kind: 'docker', socket: { kind: 'tcp', host: '127.0.0.1', port } },
      { id: 'id', name: 'name', sharedKey: '', methods: ['/a.B/C', '/a.B/D'] },
    );
    stream.destroy();
    expect(heads[0]?.split('\r\n').filter((line) => line.startsWith('x-docker'))).toEqual([
      'x-docker-expose-session-uuid: id',
      'x-docker-expose-session-name: name',
      'x-docker-expose-session-sharedkey: ',
      'x-docker-expose-session-grpc-method: /a.B/C',
      'x-docker-expose-session-grpc-method: /a.B/D',
    ]);
  });

  test('of a Docker engine begins right behind its answer, however that is cut', async () => {
    const { port } = await listening(
      createServer((socket) => {
        socket.on('error', () => {});
        socket.setNoDelay(true);
        const parts = ['HTTP/1.1 101 UPGR', 'ADED\r\nUpgrade: h2c\r', '\n\r\nbe', 'gin'];
        parts.forEach((part, i) => setTimeout(() => socket.write(part), 20 * i));
      }),
    );
    const transport = await openSessionTransport(
      { kind: 'docker', socket: { kind: 'tcp', host: '127.0.0.1', port } },
      { id: 'id', name: 'name', sharedKey: '', methods: [] },
    );
    let came = '';
    transport.open({ data: (chunk) => void (came += chunk.toString()), closed: () => {} });
    await expect.poll(() => came).toBe('begin');
    transport.destroy();
  });

  test('ends with the words of a daemon that refuses the session', async () => {
    const daemon = await startFakeDaemon({
      [control.Control.methods.Session.path]: (call) => call.end(7, 'no sessions here'),
    });
    cleanups.push(daemon.stop);
    const stream = await openSessionStream(daemon.endpoint, {
      id: 'i',
      name: '',
      sharedKey: '',
      methods: [],
    });
    const error = await new Promise<Error>((resolve) => {
      stream.on('error', resolve);
      stream.resume();
    });
    expect(error.message).toBe('The daemon ended the session: no sessions here.');
  });
});

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' });
}

const hasOpenssl = ((): boolean => {
  try {
    openssl('version');
    return true;
  } catch {
    return false;
  }
})();
if (!hasOpenssl)
  process.stderr.write('skipped: TLS, because there is no openssl to make certificates with\n');

describe.skipIf(!hasOpenssl)('TLS', () => {
  let dir: string;
  const pem = (name: string): string => readFileSync(join(dir, `${name}.pem`), 'utf8');

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'tls-'));
    const at = (name: string): string => join(dir, name);
    const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    openssl(
      'req',
      '-x509',
      ...ec,
      '-subj',
      '/CN=authority',
      '-keyout',
      at('ca-key.pem'),
      '-out',
      at('ca.pem'),
    );
    const signed = ['req', '-x509', ...ec, '-CA', at('ca.pem'), '-CAkey', at('ca-key.pem')];
    for (const [name, alt] of [
      ['server', 'DNS:buildkitd.test'],
      ['client', 'DNS:client'],
    ] as const) {
      openssl(
        ...signed,
        '-subj',
        `/CN=${name}`,
        '-addext',
        `subjectAltName=${alt}`,
        '-addext',
        'basicConstraints=critical,CA:FALSE',
        '-keyout',
        at(`${name}-key.pem`),
        '-out',
        at(`${name}.pem`),
      );
    }
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  async function tlsDaemon(requestCert: boolean): Promise<string> {
    const { path } = await fakeDaemon();
    const { port } = await listening(
      createTlsServer(
        {
          key: pem('server-key'),
          cert: pem('server'),
          ca: pem('ca'),
          requestCert,
          rejectUnauthorized: requestCert,
          ALPNProtocols: ['h2'],
        },
        (socket) => {
          socket.on('error', () => {});
          if (socket.alpnProtocol === 'h2') pipeTo(path)(socket);
          else socket.destroy();
        },
      ),
    );
    return `tcp://127.0.0.1:${port}`;
  }

  test('with an authority of its own and a server name', async () => {
    const address = await tlsDaemon(false);
    expect(await workersAt(address, { tls: { ca: pem('ca'), serverName: 'buildkitd.test' } })).toEqual([
      'here',
    ]);
  });

  test('both sides prove who they are', async () => {
    const address = await tlsDaemon(true);
    const tls = { ca: pem('ca'), serverName: 'buildkitd.test', cert: pem('client'), key: pem('client-key') };
    expect(await workersAt(address, { tls })).toEqual(['here']);
  });

  test('a certificate for another name is refused', async () => {
    const address = await tlsDaemon(false);
    const error = await failure(workersAt(address, { tls: { ca: pem('ca'), serverName: 'other.test' } }));
    expect([error.code, error.message.includes('other.test')]).toEqual(['BUILDKIT_UNREACHABLE', true]);
  });

  test('an unknown authority is refused', async () => {
    const error = await failure(workersAt(await tlsDaemon(false), { tls: { serverName: 'buildkitd.test' } }));
    expect(error.code).toBe('BUILDKIT_UNREACHABLE');
  });

  test('a daemon that wants a certificate and gets none ends the connection', async () => {
    const address = await tlsDaemon(true);
    const error = await failure(workersAt(address, { tls: { ca: pem('ca'), serverName: 'buildkitd.test' } }));
    expect(error.code).toBe('BUILDKIT_UNREACHABLE');
  });
});
