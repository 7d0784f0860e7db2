import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Endpoint, TlsSettings } from '@melange2/buildkit-client';
import type { DaemonCandidate, DaemonEnvironment, UnusableCandidate } from './daemon-candidate.ts';

/**
 * Where the user's Docker engine is, by the rules of the `docker` command: `DOCKER_HOST`, else `DOCKER_CONTEXT` or
 * the current context of its configuration, else the usual sockets. What is named explicitly stands alone.
 */
export async function dockerCandidates(
  environment: DaemonEnvironment,
): Promise<readonly (DaemonCandidate | UnusableCandidate)[]> {
  const { variables, home } = environment;
  const config = variables['DOCKER_CONFIG'] || join(home, '.docker');
  const host = variables['DOCKER_HOST'];
  if (host) {
    const verify = (variables['DOCKER_TLS_VERIFY'] ?? '') !== '';
    const certificates = variables['DOCKER_CERT_PATH'] || config;
    const tls = verify || variables['DOCKER_CERT_PATH'] ? await readTls(certificates, '') : undefined;
    return [candidateOf(host, 'DOCKER_HOST', tls)];
  }
  const context = variables['DOCKER_CONTEXT'] || (await currentContext(config));
  if (context !== undefined && context !== 'default') return [await contextCandidate(config, context)];
  const runtime = variables['XDG_RUNTIME_DIR'];
  return [
    ['/var/run/docker.sock', 'usual socket of Docker'],
    ...(runtime ? [[join(runtime, 'docker.sock'), 'socket of a rootless Docker'] as const] : []),
    [join(home, '.docker/run/docker.sock'), 'socket of Docker Desktop'],
    [join(home, '.docker/desktop/docker.sock'), 'socket of Docker Desktop'],
    [join(home, '.colima/default/docker.sock'), 'socket of Colima'],
    [join(home, '.rd/docker.sock'), 'socket of Rancher Desktop'],
  ].map(([path = '', origin = '']) => ({
    endpoint: { kind: 'docker', socket: { kind: 'unix', path } },
    origin,
  }));
}

async function currentContext(config: string): Promise<string | undefined> {
  try {
    const parsed: unknown = JSON.parse(await readFile(join(config, 'config.json'), 'utf8'));
    const name = (parsed as { currentContext?: unknown } | null)?.currentContext;
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    // docker itself warns of a broken configuration and goes on without it.
    return undefined;
  }
}

interface ContextMeta {
  readonly Endpoints?: { readonly docker?: { readonly Host?: string; readonly SkipTLSVerify?: boolean } };
}

async function contextCandidate(config: string, name: string): Promise<DaemonCandidate | UnusableCandidate> {
  const origin = `docker context "${name}"`;
  const id = createHash('sha256').update(name).digest('hex');
  let meta: ContextMeta;
  try {
    meta = JSON.parse(await readFile(join(config, 'contexts/meta', id, 'meta.json'), 'utf8')) as ContextMeta;
  } catch {
    return { address: name, origin, failure: 'there is no such context' };
  }
  const host = meta.Endpoints?.docker?.Host;
  if (host === undefined || host === '')
    return { address: name, origin, failure: 'it names no Docker engine' };
  return candidateOf(host, origin, await readTls(join(config, 'contexts/tls', id), 'docker'));
}

function candidateOf(
  host: string,
  origin: string,
  tls: TlsSettings | undefined,
): DaemonCandidate | UnusableCandidate {
  const endpoint = dockerEndpoint(host, tls);
  return endpoint === undefined
    ? {
        address: host,
        origin,
        failure: 'an engine behind this kind of address cannot be used; name its BuildKit with BUILDKIT_HOST',
      }
    : { endpoint, origin };
}

function dockerEndpoint(host: string, tls: TlsSettings | undefined): Endpoint | undefined {
  const unix = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
  if (unix !== undefined) return { kind: 'docker', socket: { kind: 'unix', path: unix } };
  const tcp = /^(?:tcp|http|https):\/\/(?:\[([0-9a-fA-F:.]+)\]|([^:/[\]]+))(?::(\d+))?\/?$/.exec(host);
  const name = tcp?.[1] ?? tcp?.[2];
  if (name === undefined) return undefined;
  const port = Number(tcp?.[3] ?? (tls === undefined ? 2375 : 2376));
  return {
    kind: 'docker',
    socket: { kind: 'tcp', host: name, port, ...(tls === undefined ? {} : { tls }) },
  };
}

async function readTls(folder: string, inner: string): Promise<TlsSettings | undefined> {
  const text = (name: string): Promise<string | undefined> =>
    readFile(join(folder, inner, name), 'utf8').catch(() => undefined);
  const [ca, cert, key] = await Promise.all([text('ca.pem'), text('cert.pem'), text('key.pem')]);
  if (ca === undefined && cert === undefined) return undefined;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}
