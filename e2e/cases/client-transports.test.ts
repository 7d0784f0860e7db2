import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TlsSettings } from '@melange2/buildkit-client';
import { local, marshal } from '@melange2/llb';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { staticBusybox } from '../harness/busybox.ts';
import { daemonProgram } from '../harness/daemon-programs.ts';
import { dialProgram } from '../harness/dial-program.ts';
import { startSshServer } from '../harness/ssh-server.ts';
import { startDockerContainer, startPodmanContainer } from '../harness/test-container.ts';
import { cacheDir } from '../world/cache-dir.ts';

const daemons = Object.entries(inject('daemons')).flatMap(([age, address]) => {
  const [, kind, socket] = /^(docker\+unix|unix):\/\/(.*)$/.exec(address) ?? [];
  return socket === undefined ? [] : [{ age, address, socket, isEngine: kind !== 'unix' }];
});
const engine = daemons.find(({ isEngine }) => isEngine);

/** The folder on PATH with a program; says what is not tried when there is none. */
function folderOf(program: string, what: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(':');
  const folder = folders.find((one) => existsSync(join(one, program)));
  if (folder === undefined) process.stderr.write(`skipped: ${what}, because there is no ${program}\n`);
  return folder;
}
const have = (program: string, what: string): boolean => folderOf(program, what) !== undefined;
const hasCompiler = have('gcc', 'transports that lead through a program');
const hasSshd = hasCompiler && have('sshd', 'ssh://');
const hasPodman = hasCompiler && process.getuid?.() === 0 && have('podman', 'podman-container://');
const hasOpenssl = have('openssl', 'tcp:// with TLS');

describe.skipIf(daemons.length === 0).each(daemons)('transports to BuildKit $age', (daemon) => {
  const { address: direct, socket, isEngine } = daemon;
  // The program at the far end: buildkitd comes with its own.
  const ownProgram = isEngine ? undefined : folderOf('buildctl', 'buildkitd through a program');
  const hasProgram = isEngine ? hasCompiler : ownProgram !== undefined;
  const program = async (): Promise<string> => ownProgram ?? (await dialProgram());
  const cleanups: (() => unknown)[] = [];
  const environment = { ...process.env };
  let dir: string;

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'm2-transports-'));
    mkdirSync(join(dir, 'root/bin'), { recursive: true });
    execFileSync('cp', [await staticBusybox(), join(dir, 'root/bin/busybox')]);
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
    // In place: threads take over what the process has, not what the name stands for.
    for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
    Object.assign(process.env, environment);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  /** Builds with files of this side, which need a session, and has the result come back. */
  async function buildOver(address: string, tls?: TlsSettings): Promise<string> {
    const client = await connect(address, { timeoutMs: 15_000, ...(tls === undefined ? {} : { tls }) });
    try {
      expect((await client.workers()).length).toBeGreaterThan(0);
      const said = randomUUID();
      writeFileSync(join(dir, 'root/said'), said);
      const step = local('root').run({
        args: ['/bin/busybox', 'sh', '-c', 'busybox cat /said > /out/said'],
        network: 'none',
        mounts: [{ kind: 'bind', dest: '/out' }],
      });
      const out = join(dir, said);
      await client.build({
        definition: marshal(step.mount('/out'), { platform: 'linux/amd64' }),
        session: { localDirs: { root: { path: join(dir, 'root') } } },
        exports: [{ kind: 'local', dir: out }],
      });
      return readFileSync(join(out, 'said'), 'utf8') === said ? 'built' : 'built something else';
    } finally {
      client.close();
    }
  }

  /** A server that speaks as buildkitd does: HTTP/2 from the first byte on. */
  async function listening(server: Server, where: string | 0): Promise<number> {
    const sockets = new Set<Socket>();
    for (const event of ['connection', 'secureConnection'])
      server.on(event, (connection: Socket) => sockets.add(connection));
    await new Promise<void>((resolve) => {
      if (where === 0) server.listen(0, '127.0.0.1', resolve);
      else server.listen(where, resolve);
    });
    cleanups.push(() => {
      for (const connection of sockets) connection.destroy();
      server.close();
    });
    return where === 0 ? (server.address() as AddressInfo).port : 0;
  }

  function leadToDaemon(connection: Socket): void {
    const daemon = connectSocket(socket);
    connection.on('error', () => daemon.destroy());
    daemon.on('error', () => connection.destroy());
    if (!isEngine) {
      connection.pipe(daemon).pipe(connection);
      return;
    }
    daemon.write('POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    let head = '';
    const onData = (chunk: Buffer): void => {
      head += chunk.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      daemon.off('data', onData);
      connection.write(Buffer.from(head.slice(end + 4), 'latin1'));
      daemon.pipe(connection);
      connection.pipe(daemon);
    };
    daemon.on('data', onData);
  }

  test.runIf(isEngine)('docker+unix://', async () => {
    expect(await buildOver(direct)).toBe('built');
  });

  test.runIf(isEngine)('docker+tcp://', async () => {
    const port = await listening(
      createServer((connection) => {
        const daemon = connectSocket(socket);
        connection.on('error', () => daemon.destroy());
        daemon.on('error', () => connection.destroy());
        connection.pipe(daemon).pipe(connection);
      }),
      0,
    );
    expect(await buildOver(`docker+tcp://127.0.0.1:${port}`)).toBe('built');
  });

  test('unix://', async () => {
    const path = join(dir, 'buildkitd.sock');
    await listening(createServer(leadToDaemon), path);
    expect(await buildOver(`unix://${path}`)).toBe('built');
  });

  test('tcp://', async () => {
    const port = await listening(createServer(leadToDaemon), 0);
    expect(await buildOver(`tcp://127.0.0.1:${port}`)).toBe('built');
  });

  test.skipIf(!hasOpenssl)('tcp:// with TLS, both sides proving who they are', async () => {
    const file = (name: string): string => join(dir, `${name}.pem`);
    for (const name of ['server', 'client']) {
      const self = `-subj /CN=${name} -addext subjectAltName=DNS:${name}.test`;
      const curve = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
      const args = `req -x509 ${curve} -days 2 ${self}`.split(' ');
      execFileSync('openssl', [...args, '-keyout', file(`${name}-key`), '-out', file(name)], {
        stdio: 'ignore',
      });
    }
    const pem = (name: string): string => readFileSync(file(name), 'utf8');
    const server = createTlsServer(
      {
        key: pem('server-key'),
        cert: pem('server'),
        ca: pem('client'),
        requestCert: true,
        rejectUnauthorized: true,
        ALPNProtocols: ['h2'],
      },
      leadToDaemon,
    );
    const port = await listening(server, 0);
    const tls = { ca: pem('server'), cert: pem('client'), key: pem('client-key'), serverName: 'server.test' };
    expect(await buildOver(`tcp://127.0.0.1:${port}`, tls)).toBe('built');
  });

  test.skipIf(!hasSshd || !hasProgram)('ssh://', async () => {
    const folder = await program();
    const server = await startSshServer(mkdtempSync(join(dir, 'ssh-')), {
      PATH: `${folder}:/usr/bin:/bin`,
      BUILDKIT_HOST: `unix://${socket}`,
    });
    cleanups.push(server.stop);
    process.env['PATH'] = `${server.clientPath}:${environment['PATH']}`;
    const host = `ssh://${execFileSync('id', ['-un'], { encoding: 'utf8' }).trim()}@127.0.0.1:${server.port}`;
    expect(await buildOver(host)).toBe('built');
    expect(await buildOver(`${host}${socket}`)).toBe('built');
    await expect(connect(`${host}/no/such/socket`)).rejects.toThrow(
      /ssh ended with exit code 1: .*\/no\/such\/socket: .*no such file or directory/i,
    );
    await expect(connect(`ssh://nobody-of-this-name@127.0.0.1:${server.port}`)).rejects.toThrow(
      /ssh ended with exit code 255: .*Permission denied/,
    );
  });

  test.skipIf(!hasProgram || engine === undefined)('docker-container://', async () => {
    const { path } = await daemonProgram(cacheDir(), '0.8');
    process.env['PATH'] = `${path}:${environment['PATH']}`;
    const engineSocket = isEngine ? socket : engine!.socket;
    const container = await startDockerContainer('docker', engineSocket, {
      dialFolder: await program(),
      socket,
      dir,
    });
    cleanups.push(container.stop);
    Object.assign(process.env, container.env);
    expect(await buildOver(`docker-container://${container.name}`)).toBe('built');
    await expect(connect('docker-container://no-such-container')).rejects.toThrow(
      /docker ended with exit code 1: .*No such container: no-such-container/,
    );
    // By a context of its own, where the environment names no engine.
    execFileSync('docker', ['context', 'create', 'theirs', '--docker', `host=unix://${engineSocket}`], {
      stdio: 'ignore',
      env: { ...process.env, DOCKER_HOST: '' },
    });
    process.env['DOCKER_HOST'] = 'unix:///no/such/engine.sock';
    await expect(connect(`docker-container://${container.name}`)).rejects.toThrow(/no\/such\/engine/);
    expect(await buildOver(`docker-container://${container.name}?context=theirs`)).toBe('built');
    process.env['DOCKER_HOST'] = container.env['DOCKER_HOST'];
  });

  test.skipIf(!hasPodman || !hasProgram)('podman-container://', async () => {
    const container = await startPodmanContainer({ dialFolder: await program(), socket, dir });
    cleanups.push(container.stop);
    Object.assign(process.env, container.env);
    expect(await buildOver(`podman-container://${container.name}`)).toBe('built');
  });
});
