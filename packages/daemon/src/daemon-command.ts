import { join } from 'node:path';
import type { Endpoint } from '@melange2/buildkit-client';

/** A program that can be started as a private daemon. */
export interface DaemonProgram {
  readonly kind: 'buildkitd' | 'dockerd';
  /** Absolute path of the program. */
  readonly path: string;
  /** Absolute path of rootlesskit, for a buildkitd that is not started by root. */
  readonly rootlesskit?: string;
}

export interface DaemonFolders {
  /** Data and log; kept between runs unless asked otherwise. */
  readonly dir: string;
  /** Sockets and run-time state: a short path, for a socket's path has at most 107 bytes. */
  readonly run: string;
}

export interface DaemonCommand {
  readonly args: readonly string[];
  readonly endpoint: Endpoint;
  /** Files that must be written before the start, by path. */
  readonly files: Readonly<Record<string, string>>;
}

/**
 * How a program is started as a private daemon that touches nothing outside its folders.
 *
 * dockerd gets no bridge and no packet filter rules: both would be the whole machine's. Steps that need the network
 * use the host's.
 */
export function daemonCommand(
  program: DaemonProgram,
  { dir, run }: DaemonFolders,
  options: { readonly containerdStore: boolean },
): DaemonCommand {
  if (program.kind === 'buildkitd') {
    const socket = join(run, 'buildkitd.sock');
    const buildkitd = [
      program.path,
      ...(program.rootlesskit === undefined ? [] : ['--rootless']),
      '--addr',
      `unix://${socket}`,
      '--root',
      join(dir, 'data'),
      '--oci-worker-net',
      'host',
      // Else it takes the machine's containerd too, where one runs.
      '--containerd-worker=false',
      '--allow-insecure-entitlement',
      'network.host',
    ];
    return {
      args: program.rootlesskit === undefined ? buildkitd : [program.rootlesskit, '--net=host', ...buildkitd],
      endpoint: { kind: 'unix', path: socket },
      files: {},
    };
  }
  const socket = join(run, 'docker.sock');
  const config = join(dir, 'dockerd.json');
  return {
    args: [
      program.path,
      '--data-root',
      join(dir, 'data'),
      '--exec-root',
      join(run, 'exec'),
      '--host',
      `unix://${socket}`,
      '--pidfile',
      join(run, 'dockerd.pid'),
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
      '--config-file',
      config,
    ],
    endpoint: { kind: 'docker', socket: { kind: 'unix', path: socket } },
    files: {
      // Without the containerd store a docker engine has neither registry nor local caches and exports.
      [config]: JSON.stringify(
        options.containerdStore ? { features: { 'containerd-snapshotter': true } } : {},
      ),
    },
  };
}
