import { isBuildError } from '@melange2/diagnostics';
import { describe, expect, test } from 'vitest';
import { formatEndpoint, parseAddress } from './address.ts';

const command = (address: string): string => {
  const endpoint = parseAddress(address);
  return endpoint.kind === 'command' ? [endpoint.program, ...endpoint.args].join(' ') : endpoint.kind;
};

describe('addresses', () => {
  test.for([
    ['unix:///run/buildkit/buildkitd.sock', { kind: 'unix', path: '/run/buildkit/buildkitd.sock' }],
    ['tcp://127.0.0.1:1234', { kind: 'tcp', host: '127.0.0.1', port: 1234 }],
    ['tcp://[::1]:1234', { kind: 'tcp', host: '::1', port: 1234 }],
    [
      'docker+unix:///var/run/docker.sock',
      { kind: 'docker', socket: { kind: 'unix', path: '/var/run/docker.sock' } },
    ],
    ['docker+tcp://host:2375', { kind: 'docker', socket: { kind: 'tcp', host: 'host', port: 2375 } }],
  ] as const)('%s is a socket, and is written back the same', ([address, endpoint]) => {
    expect(parseAddress(address)).toEqual(endpoint);
    expect(formatEndpoint(parseAddress(address))).toBe(address);
  });

  test.for([
    ['docker-container://Name', 'docker exec -i Name buildctl dial-stdio'],
    ['docker-container://name?context=other', 'docker --context=other exec -i name buildctl dial-stdio'],
    ['podman-container://name', 'podman exec -i name buildctl dial-stdio'],
    ['nerdctl-container://name?namespace=x', 'nerdctl --namespace=x exec -i name buildctl dial-stdio'],
    [
      'kube-pod://pod?context=c&namespace=n&container=b',
      'kubectl --context=c --namespace=n exec -i --container=b pod -- buildctl dial-stdio',
    ],
    ['ssh://me@host:2222', 'ssh -o BatchMode=yes -p 2222 -l me -- host buildctl dial-stdio'],
    [
      'ssh://host/run/it.sock',
      "ssh -o BatchMode=yes -- host buildctl --addr 'unix:///run/it.sock' dial-stdio",
    ],
  ] as const)('%s is reached by a program', ([address, line]) => {
    expect(command(address)).toBe(line);
    expect(formatEndpoint(parseAddress(address))).toBe(address);
  });

  test('a shell on the other side cannot be talked into anything by a path', () => {
    expect(command("ssh://host/a'b;rm -rf x")).toBe(
      `ssh -o BatchMode=yes -- host buildctl --addr 'unix:///a'\\''b;rm -rf x' dial-stdio`,
    );
  });

  test.for([
    '/run/buildkit.sock',
    'host:1234',
    'unix://relative',
    'tcp://host',
    'tcp://host:0',
    'tcp://host:99999',
    'http://host:80',
    'docker-container://',
    'docker-container://--privileged',
    'ssh://-oProxyCommand=evil',
    '',
  ])('%j is refused with what is wrong', (address) => {
    let thrown: unknown;
    try {
      parseAddress(address);
    } catch (cause) {
      thrown = cause;
    }
    expect(isBuildError(thrown) && thrown.code).toBe('BUILDKIT_ADDRESS_INVALID');
  });
});
