import { spawn } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { runProgram } from '../world/run-program.ts';
import { freePort } from './free-port.ts';

/** An sshd on loopback that knows one key. */
export interface SshServer {
  readonly port: number;
  /** A folder with a program `ssh` that is the machine's, with the key and the host's key; nobody's own are touched. */
  readonly clientPath: string;
  readonly stop: () => Promise<void>;
}

/**
 * Starts Debian's sshd with throw-away keys in `dir`.
 *
 * @param env what commands run with, besides what sshd gives them.
 */
export async function startSshServer(dir: string, env: Readonly<Record<string, string>>): Promise<SshServer> {
  await mkdir(dir, { recursive: true });
  // Where sshd locks up the part of it that talks to strangers; packages make it when the service starts.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const [host, key] = [join(dir, 'host'), join(dir, 'key')];
  for (const file of [host, key])
    await runProgram('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  const port = await freePort();
  const publicKey = (file: string): Promise<string> => runProgram('cat', [`${file}.pub`]);
  await writeFile(join(dir, 'authorized'), await publicKey(key));
  await writeFile(join(dir, 'known'), `[127.0.0.1]:${port} ${await publicKey(host)}`);
  await writeFile(
    join(dir, 'sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${host}`,
      `AuthorizedKeysFile ${join(dir, 'authorized')}`,
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
      'PasswordAuthentication no',
      'PermitRootLogin yes',
      `SetEnv ${Object.entries(env)
        .map(([name, value]) => `${name}=${value}`)
        .join(' ')}`,
      '',
    ].join('\n'),
  );
  await writeFile(
    join(dir, 'ssh_config'),
    `IdentityFile ${key}\nIdentitiesOnly yes\nUserKnownHostsFile ${join(dir, 'known')}\nStrictHostKeyChecking yes\n`,
  );
  const clientPath = join(dir, 'bin');
  await mkdir(clientPath);
  const program = (await runProgram('which', ['ssh'])).trim();
  await writeFile(join(clientPath, 'ssh'), `#!/bin/sh\nexec ${program} -F ${join(dir, 'ssh_config')} "$@"\n`);
  await chmod(join(clientPath, 'ssh'), 0o755);

  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(dir, 'sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const exited = new Promise((resolve) => {
    child.once('exit', resolve);
  });
  const stop = async (): Promise<void> => {
    child.kill();
    await exited;
  };
  for (let attempt = 0; !(await answers(port)); attempt++) {
    if (attempt > 100 || child.exitCode !== null) {
      await stop();
      throw new Error(`sshd did not start: ${said}`);
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
  return { port, clientPath, stop };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  return await new Promise((resolve) => {
    socket.on('connect', () => resolve(true));
    socket.on('error', () => resolve(false));
  }).then((answered) => {
    socket.destroy();
    return answered === true;
  });
}
