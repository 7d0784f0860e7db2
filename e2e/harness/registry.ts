import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openAptRoot } from '../world/apt-root.ts';
import { cacheDir } from '../world/cache-dir.ts';
import { runProgram } from '../world/run-program.ts';
import { freePort } from './free-port.ts';
import { startTokenServer } from './token-server.ts';

/** A registry of images on loopback, empty; all but the open kind want a user name and a password. */
export interface TestRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly username: string;
  readonly password: string;
  /** What its token server was asked, one line each: method, way, account and scope. */
  readonly tokenRequests: readonly string[];
  readonly stop: () => Promise<void>;
}

/**
 * Starts Debian's docker-registry, fetched once and not installed. It asks for the account itself, for a token, or for
 * nothing; `tls` speaks HTTPS with a certificate that nobody trusts, and asks for nothing.
 */
export async function startRegistry(
  kind: 'basic' | 'token' | 'open' | 'tls' = 'basic',
  cache: string = cacheDir(),
): Promise<TestRegistry> {
  const program = await registryProgram(cache);
  const dir = await mkdtemp(join(tmpdir(), 'm2-registry-'));
  const [username, password] = ['user', 'correct horse'];
  // Only bcrypt is taken; perl has the C library's crypt.
  const salt = '$2y$05$abcdefghijklmnopqrstuu';
  const hash = execFileSync('perl', ['-e', 'print crypt($ARGV[0], $ARGV[1])', password, salt], {
    encoding: 'utf8',
  });
  await writeFile(join(dir, 'htpasswd'), `${username}:${hash}\n`);
  const host = `127.0.0.1:${await freePort()}`;
  const tokens = kind === 'token' ? await startTokenServer(dir, { username, password }) : undefined;
  const config = {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(dir, 'data') }, delete: { enabled: true } },
    http: { addr: host, secret: 'test', ...(kind === 'tls' ? { tls: makeCertificate(dir) } : {}) },
    ...(kind === 'basic'
      ? { auth: { htpasswd: { realm: 'test', path: join(dir, 'htpasswd') } } }
      : tokens === undefined
        ? {}
        : {
            auth: {
              token: {
                realm: tokens.realm,
                service: 'test-registry',
                issuer: 'test-issuer',
                rootcertbundle: tokens.certificate,
              },
            },
          }),
  };
  await writeFile(join(dir, 'config.yml'), JSON.stringify(config));
  const child = spawn(program, ['serve', join(dir, 'config.yml')], { stdio: 'ignore' });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null) {
      const exited = new Promise((resolve) => {
        child.once('exit', resolve);
      });
      child.kill('SIGKILL');
      await exited;
    }
    tokens?.stop();
    await rm(dir, { recursive: true, force: true });
  };
  for (let attempt = 0; ; attempt++) {
    // A registry with TLS answers plain HTTP with 400.
    const answered = await fetch(`http://${host}/v2/`).then(
      () => true,
      () => false,
    );
    if (answered) return { host, username, password, tokenRequests: tokens?.requests ?? [], stop };
    if (attempt > 100 || child.exitCode !== null) {
      await stop();
      throw new Error('The registry did not start.');
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}

function makeCertificate(dir: string): { readonly certificate: string; readonly key: string } {
  const files = { certificate: join(dir, 'tls.pem'), key: join(dir, 'tls-key.pem') };
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=test'];
  args.push('-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', files.key, '-out', files.certificate);
  execFileSync('openssl', args, { stdio: 'ignore' });
  return files;
}

async function registryProgram(cache: string): Promise<string> {
  const folder = join(cache, 'docker-registry');
  if (!existsSync(folder)) {
    const apt = await openAptRoot(cache, 'bookworm');
    const [deb] = await apt.download(await apt.only(['docker-registry']), join(cache, 'debs'));
    const partial = `${folder}.partial-${process.pid}`;
    await mkdir(partial, { recursive: true });
    await runProgram('dpkg-deb', ['--extract', deb!, partial]);
    await rename(partial, folder).catch(() => rm(partial, { recursive: true, force: true }));
  }
  return join(folder, 'usr/bin/docker-registry');
}
