import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { runProgram } from '../world/run-program.ts';
import { staticBusybox } from './busybox.ts';

/** A running container in which `buildctl dial-stdio` leads to a daemon. */
export interface TestContainer {
  readonly name: string;
  /** What programs need in their environment to find the container. */
  readonly env: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

export interface TestContainerOptions {
  /** The folder of `buildctl`. */
  readonly dialFolder: string;
  /** The daemon's socket. */
  readonly socket: string;
  /** For what the engine keeps. */
  readonly dir: string;
}

/** Starts a container of a Docker engine, with the `docker` program of that path. */
export async function startDockerContainer(
  docker: string,
  engine: string,
  options: TestContainerOptions,
): Promise<TestContainer> {
  const env = { DOCKER_HOST: `unix://${engine}`, DOCKER_CONFIG: join(options.dir, 'docker') };
  return await startContainer(docker, ['--network', 'none'], env, options);
}

/** Starts a container of podman, whose images and containers are all below the folder. */
export async function startPodmanContainer(options: TestContainerOptions): Promise<TestContainer> {
  const dir = join(options.dir, 'podman');
  await mkdir(dir, { recursive: true });
  const files = {
    CONTAINERS_CONF: join(dir, 'containers.conf'),
    CONTAINERS_STORAGE_CONF: join(dir, 'storage.conf'),
  };
  await writeFile(
    files.CONTAINERS_STORAGE_CONF,
    `[storage]\ndriver = "vfs"\ngraphroot = "${dir}/root"\nrunroot = "${dir}/run"\n`,
  );
  // More than this process may have, a container of it may not ask for.
  const openFiles = (await runProgram('sh', ['-c', 'ulimit -Hn'])).trim();
  await writeFile(
    files.CONTAINERS_CONF,
    [
      '[containers]',
      `default_ulimits = ["nofile=${openFiles}:${openFiles}", "nproc=1024:1024"]`,
      'netns = "none"',
      'default_sysctls = []',
      'log_driver = "none"',
      '[engine]',
      'runtime = "runc"',
      'cgroup_manager = "cgroupfs"',
      'events_logger = "none"',
      `static_dir = "${dir}/static"`,
      `tmp_dir = "${dir}/tmp"`,
      `volume_path = "${dir}/volumes"`,
      '',
    ].join('\n'),
  );
  return await startContainer('podman', [], files, options);
}

async function startContainer(
  program: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>>,
  { dialFolder, socket, dir }: TestContainerOptions,
): Promise<TestContainer> {
  const name = `m2-dial-${randomBytes(6).toString('hex')}`;
  const run = (...args: readonly string[]): Promise<string> =>
    runProgram(program, args, { env: { ...process.env, ...env } });
  const files = join(dir, `${name}.tar`);
  const busybox = await staticBusybox();
  const programs = ['-C', dialFolder, 'buildctl', '-C', dirname(busybox), basename(busybox)];
  await runProgram('tar', ['--transform=s,^,bin/,', '-cf', files, ...programs]);
  await run('import', files, name);
  const mount = `${socket}:/run/buildkit/buildkitd.sock`;
  const pause = [basename(busybox), 'sh', '-c', `trap exit TERM; ${basename(busybox)} sleep 86400 & wait`];
  await run('run', '--detach', '--name', name, ...flags, '--volume', mount, name, ...pause);
  return {
    name,
    env,
    async stop() {
      await run('rm', '--force', name);
      await run('rmi', '--force', name);
    },
  };
}
