import type { PathMutation } from '@melange2/config';
import type { State } from '@melange2/llb';
import { shellQuoted } from './shell-quoted.ts';

/**
 * Does what `environment.paths` asks for in the root of an environment, in their order, as root and in one command.
 * Without any it is `root` itself.
 *
 * Where no permissions are given, made folders have 755 and made files 644, and what is there already keeps its own.
 */
export function withPaths(root: State, paths: readonly PathMutation[]): State {
  if (paths.length === 0) return root;
  return root.run({
    args: ['/bin/sh', '-c', ['set -e', ...paths.flatMap(commandsOf)].join('\n')],
    env: [['PATH', '/usr/local/sbin:/usr/local/bin:/usr/bin:/usr/sbin:/sbin:/bin']],
    cwd: '/',
    user: '0:0',
    network: 'none',
    customName: 'environment: paths',
  }).root;
}

function commandsOf({ path, type, uid, gid, permissions, source, recursive }: PathMutation): string[] {
  const absolute = `/${path.replace(/^\/+/, '')}`;
  const quoted = shellQuoted(absolute);
  const made = `mkdir -p ${shellQuoted(absolute.slice(0, absolute.lastIndexOf('/')) || '/')}`;
  const fail = (problem: string): string =>
    `echo ${shellQuoted(`environment.paths: ${problem}`)} >&2; exit 1`;
  const exists = `[ -e ${quoted} ] || [ -L ${quoted} ]`;
  const mode = permissions === 0 ? undefined : permissions.toString(8);
  const all = recursive ? `find ${quoted} ! -type l -exec` : undefined;
  const changes = [
    ...(mode === undefined
      ? []
      : [all === undefined ? `chmod ${mode} ${quoted}` : `${all} chmod ${mode} {} +`]),
    ...(uid === 0 && gid === 0
      ? []
      : [all === undefined ? `chown ${uid}:${gid} ${quoted}` : `${all} chown ${uid}:${gid} {} +`]),
  ];
  switch (type) {
    case 'directory':
      return [`mkdir -p ${quoted}`, ...changes];
    case 'empty-file':
      return [made, `[ -e ${quoted} ] || : >${quoted}`, ...changes];
    case 'hardlink':
      return [made, `ln -f ${shellQuoted(source)} ${quoted}`, ...changes];
    case 'symlink':
      return [
        made,
        `if ${exists}; then ${fail(`${absolute} is there already`)}; fi`,
        `ln -s ${shellQuoted(source)} ${quoted}`,
        ...changes,
      ];
    case 'permissions':
      return changes;
    default:
      return [
        fail(
          `the type "${type}" of ${absolute} is none of directory, empty-file, hardlink, symlink, permissions`,
        ),
      ];
  }
}
