import { buildError } from '@melange2/diagnostics';
import type { Endpoint, SocketEndpoint, TlsSettings } from './endpoint.ts';
import { errors } from './errors.ts';

/**
 * Reads the address of a BuildKit daemon.
 *
 * - `unix:///path`, `tcp://host:port`: buildkitd itself
 * - `docker+unix:///path`, `docker+tcp://host:port`: a Docker engine's BuildKit
 * - `docker-container://name`, `podman-container://name`, `nerdctl-container://name`: buildkitd in a container;
 *   `?context=` (docker), `?namespace=` (nerdctl)
 * - `kube-pod://pod`: buildkitd in a pod; `?context=`, `?namespace=`, `?container=`
 * - `ssh://user@host:port/path/of/socket`: buildkitd on another machine
 *
 * `tls` is for tcp only; nothing is read from disk.
 *
 * @throws {BuildError} BUILDKIT_ADDRESS_INVALID when it is none of these.
 */
export function parseAddress(address: string, tls?: TlsSettings): Endpoint {
  const invalid = (why: string): never => {
    throw buildError(errors, 'BUILDKIT_ADDRESS_INVALID', { address, why });
  };
  const scheme = /^([a-z][a-z+-]*):\/\//.exec(address)?.[1];
  if (scheme === undefined)
    return address.startsWith('/')
      ? invalid(`it has no scheme. Write unix://${address} for a socket.`)
      : invalid('it has no scheme such as unix:// or tcp://.');
  const rest = address.slice(scheme.length + 3);
  switch (scheme) {
    case 'unix':
      return unixEndpoint(rest) ?? invalid('a unix address is unix:// and an absolute path.');
    case 'tcp':
      return tcpEndpoint(rest, tls) ?? invalid('a tcp address is tcp://HOST:PORT.');
    case 'docker+unix':
      return dockerEndpoint(unixEndpoint(rest)) ?? invalid('it is docker+unix:// and an absolute path.');
    case 'docker+tcp':
      return dockerEndpoint(tcpEndpoint(rest, tls)) ?? invalid('it is docker+tcp://HOST:PORT.');
    default: {
      const url = parseUrl(rest);
      const endpoint = url === undefined ? undefined : commandEndpoint(scheme, url, address);
      if (endpoint === undefined) return invalid(`${scheme}:// is not known, or nothing of use follows it.`);
      return endpoint;
    }
  }
}

/** Returns the address of an endpoint, as messages show it. Nothing secret is in it. */
export function formatEndpoint(endpoint: Endpoint): string {
  switch (endpoint.kind) {
    case 'unix':
      return `unix://${endpoint.path}`;
    case 'tcp':
      return `tcp://${endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`;
    case 'docker':
      return `docker+${formatEndpoint(endpoint.socket)}`;
    case 'command':
      return endpoint.address;
  }
}

function unixEndpoint(rest: string): SocketEndpoint | undefined {
  return rest.startsWith('/') ? { kind: 'unix', path: rest } : undefined;
}

function tcpEndpoint(rest: string, tls: TlsSettings | undefined): SocketEndpoint | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/[\]]+)):(\d{1,5})\/?$/.exec(rest);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port > 0 && port < 65_536)) return undefined;
  return { kind: 'tcp', host, port, ...(tls === undefined ? {} : { tls }) };
}

function dockerEndpoint(socket: SocketEndpoint | undefined): Endpoint | undefined {
  return socket === undefined ? undefined : { kind: 'docker', socket };
}

function parseUrl(rest: string): URL | undefined {
  try {
    return new URL(`http://${rest}`);
  } catch {
    return undefined;
  }
}

function commandEndpoint(scheme: string, url: URL, address: string): Endpoint | undefined {
  // Names are case sensitive and the URL parser lowers them: take them from the text.
  const name = /^[a-z+-]+:\/\/(?:[^@/?]*@)?([^/?:]*)/.exec(address)?.[1] ?? '';
  // What looks like an option must never become one.
  if (name === '' || name.startsWith('-')) return undefined;
  const option = (key: string, flag: string): string[] => {
    const value = url.searchParams.get(key);
    return value === null || value === '' ? [] : [`${flag}=${value}`];
  };
  const dialStdio = ['buildctl', 'dial-stdio'];
  switch (scheme) {
    case 'docker-container':
      return {
        kind: 'command',
        program: 'docker',
        args: [...option('context', '--context'), 'exec', '-i', name, ...dialStdio],
        address,
      };
    case 'podman-container':
      return { kind: 'command', program: 'podman', args: ['exec', '-i', name, ...dialStdio], address };
    case 'nerdctl-container':
      return {
        kind: 'command',
        program: 'nerdctl',
        args: [...option('namespace', '--namespace'), 'exec', '-i', name, ...dialStdio],
        address,
      };
    case 'kube-pod':
      return {
        kind: 'command',
        program: 'kubectl',
        args: [
          ...option('context', '--context'),
          ...option('namespace', '--namespace'),
          'exec',
          '-i',
          ...option('container', '--container'),
          name,
          '--',
          ...dialStdio,
        ],
        address,
      };
    case 'ssh': {
      const socket = decodeURIComponent(url.pathname);
      return {
        kind: 'command',
        program: 'ssh',
        args: [
          '-o',
          'BatchMode=yes',
          ...(url.port === '' ? [] : ['-p', url.port]),
          ...(url.username === '' ? [] : ['-l', decodeURIComponent(url.username)]),
          '--',
          name,
          ...(socket === '' || socket === '/' ? [] : ['buildctl', '--addr', shellWord(`unix://${socket}`)]),
          ...(socket === '' || socket === '/' ? dialStdio : ['dial-stdio']),
        ],
        address,
      };
    }
    default:
      return undefined;
  }
}

/** ssh joins its arguments and has the other side's shell read them. */
function shellWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
