import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dockerCandidates } from './docker-candidates.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'docker-home-'));
});
afterEach(() => rmSync(home, { recursive: true }));

function context(name: string, meta: unknown, tls: Readonly<Record<string, string>> = {}): void {
  const id = createHash('sha256').update(name).digest('hex');
  mkdirSync(join(home, '.docker/contexts/meta', id), { recursive: true });
  writeFileSync(join(home, '.docker/contexts/meta', id, 'meta.json'), JSON.stringify(meta));
  for (const [file, text] of Object.entries(tls)) {
    mkdirSync(join(home, '.docker/contexts/tls', id, 'docker'), { recursive: true });
    writeFileSync(join(home, '.docker/contexts/tls', id, 'docker', file), text);
  }
}

test('DOCKER_HOST stands alone', async () => {
  const variables = { DOCKER_HOST: 'unix:///some/docker.sock' };
  expect(await dockerCandidates({ variables, home })).toEqual([
    {
      endpoint: { kind: 'docker', socket: { kind: 'unix', path: '/some/docker.sock' } },
      origin: 'DOCKER_HOST',
    },
  ]);
});

test('DOCKER_CERT_PATH brings certificates and the port of TLS', async () => {
  writeFileSync(join(home, 'ca.pem'), 'CA');
  const variables = { DOCKER_HOST: 'tcp://engine', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: home };
  expect(await dockerCandidates({ variables, home })).toEqual([
    {
      endpoint: {
        kind: 'docker',
        socket: { kind: 'tcp', host: 'engine', port: 2376, tls: { ca: 'CA' } },
      },
      origin: 'DOCKER_HOST',
    },
  ]);
});

test('the current context of docker is followed, with its certificates', async () => {
  context(
    'far',
    { Endpoints: { docker: { Host: 'tcp://far:2377' } } },
    { 'ca.pem': 'CA', 'cert.pem': 'C', 'key.pem': 'K' },
  );
  writeFileSync(join(home, '.docker/config.json'), '{"currentContext":"far"}');
  expect(await dockerCandidates({ variables: {}, home })).toEqual([
    {
      endpoint: {
        kind: 'docker',
        socket: { kind: 'tcp', host: 'far', port: 2377, tls: { ca: 'CA', cert: 'C', key: 'K' } },
      },
      origin: 'docker context "far"',
    },
  ]);
});

test('DOCKER_CONTEXT goes before the current context, and a missing one is said', async () => {
  writeFileSync(join(home, 'config.json'), '{"currentContext":"default"}');
  const variables = { DOCKER_CONTEXT: 'gone', DOCKER_CONFIG: home };
  expect(await dockerCandidates({ variables, home })).toEqual([
    { address: 'gone', origin: 'docker context "gone"', failure: 'there is no such context' },
  ]);
});

test('an engine behind ssh is said to be of no use', async () => {
  const [candidate] = await dockerCandidates({ variables: { DOCKER_HOST: 'ssh://far' }, home });
  expect(candidate).toMatchObject({ address: 'ssh://far', origin: 'DOCKER_HOST' });
  expect(candidate).toHaveProperty('failure');
});

test('without any setting the usual sockets are tried, also when the configuration is broken', async () => {
  mkdirSync(join(home, '.docker'));
  writeFileSync(join(home, '.docker/config.json'), '{');
  const candidates = await dockerCandidates({ variables: { XDG_RUNTIME_DIR: '/run/user/7' }, home });
  expect(candidates.map((c) => c.origin)).toEqual([
    'usual socket of Docker',
    'socket of a rootless Docker',
    'socket of Docker Desktop',
    'socket of Docker Desktop',
    'socket of Colima',
    'socket of Rancher Desktop',
  ]);
});
