import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, formatEndpoint, parseAddress, type Client, type Endpoint } from '@melange2/buildkit-client';
import { buildError, isBuildError } from '@melange2/diagnostics';
import { buildkitdCandidates } from './buildkitd-candidates.ts';
import type { DaemonAttempt } from './daemon-attempt.ts';
import type { DaemonCandidate, DaemonEnvironment, UnusableCandidate } from './daemon-candidate.ts';
import { dockerCandidates } from './docker-candidates.ts';
import { hasDefaultNetwork } from './docker-engine.ts';
import { errors } from './errors.ts';
import { installedDaemons } from './installed-daemon.ts';
import { startPrivateDaemon, type PrivateDaemon } from './private-daemon.ts';

export interface FindDaemonOptions {
  /** The daemon's address, when the user named it. Then it is this one or none. */
  readonly address?: string;
  readonly environment: DaemonEnvironment;
  /** Whether a private daemon may be started when none is found. Default true. */
  readonly start?: boolean;
  /** Folder of the private daemon. Default {@link privateDaemonDir}. */
  readonly privateDir?: string;
  /** Time in which a daemon must answer. Default 4 s. */
  readonly timeoutMs?: number;
  /** Told when the search takes longer than usual: `starting a private daemon (/usr/sbin/dockerd)`. */
  readonly onProgress?: (text: string) => void;
  readonly signal?: AbortSignal;
}

/** A daemon that answers. */
export interface FoundDaemon {
  readonly client: Client;
  readonly address: string;
  /** How it was found: `BUILDKIT_HOST`, `usual socket of Docker`, `private daemon`. */
  readonly origin: string;
  /**
   * What a step must ask for to have the network: `default`, or `host` on an engine without a bridge of its own,
   * where only the host's network is to be had.
   */
  readonly stepNetwork: 'default' | 'host';
  /** The places that were tried before, and why they failed. */
  readonly attempts: readonly DaemonAttempt[];
  /** Ends the connection, and a private daemon that nobody else uses. Safe to call twice. */
  readonly close: () => Promise<void>;
}

/**
 * Finds a BuildKit daemon and connects to it. All places are asked at once, and the first one in this order counts:
 *
 * 1. the address given, else `BUILDKIT_HOST`: what is named stands alone
 * 2. the usual sockets of buildkitd: root's, rootless, nerdctl's
 * 3. the user's Docker engine: `DOCKER_HOST`, docker's current context, the usual sockets
 * 4. a private daemon, started from buildkitd or dockerd if one is installed and this user may start it
 *
 * @throws {BuildError} DAEMON_NOT_FOUND with all places and the reason why each failed, within 5 s unless a private
 * daemon is being started; BUILDKIT_ADDRESS_INVALID.
 */
export async function findDaemon(options: FindDaemonOptions): Promise<FoundDaemon> {
  const { environment, signal } = options;
  const named = options.address ?? environment.variables['BUILDKIT_HOST'];
  const places: readonly (DaemonCandidate | UnusableCandidate)[] = named
    ? [{ endpoint: parseAddress(named), origin: options.address ? 'named by the user' : 'BUILDKIT_HOST' }]
    : [...buildkitdCandidates(environment), ...(await dockerCandidates(environment))];

  const attempts: DaemonAttempt[] = [];
  const probes = places.map((place) => probe(place, options));
  // Those after the one that counts are closed when they answer; their failures interest nobody.
  const closeLater = (from: number): void => {
    for (const later of probes.slice(from)) {
      later.then((answer) => 'client' in answer && answer.client.close()).catch(() => undefined);
    }
  };
  for (const [index, answering] of probes.entries()) {
    const answer = await answering;
    if (signal?.aborted === true) {
      closeLater(index);
      signal.throwIfAborted();
    }
    if ('failure' in answer) {
      attempts.push(answer);
      continue;
    }
    closeLater(index + 1);
    const { client, origin } = answer;
    return found(client, origin, attempts, signal);
  }
  if (named || options.start === false) throw buildError(errors, 'DAEMON_NOT_FOUND', { attempts });
  return startInstalled(options, attempts);
}

/** The folder of a user's private daemon: kept between builds, for its cache is in it. */
export function privateDaemonDir({ variables, home }: DaemonEnvironment): string {
  return join(variables['XDG_STATE_HOME'] || join(home, '.local/state'), 'melange2/daemon');
}

interface Answered {
  readonly client: Client;
  readonly origin: string;
}

async function probe(
  place: DaemonCandidate | UnusableCandidate,
  { timeoutMs = 4000, signal }: FindDaemonOptions,
): Promise<Answered | DaemonAttempt> {
  if (!('endpoint' in place)) return place;
  const { endpoint, origin } = place;
  const address = formatEndpoint(endpoint);
  const path = socketPath(endpoint);
  if (path !== undefined && !(await exists(path)))
    return { address, origin, failure: 'there is no such socket' };
  try {
    const limit = AbortSignal.timeout(timeoutMs);
    const client = await connect(endpoint, { timeoutMs, ...(signal === undefined ? {} : { signal }) });
    try {
      // Something else than BuildKit may accept connections there.
      await client.workers({ signal: signal === undefined ? limit : AbortSignal.any([signal, limit]) });
    } catch (cause) {
      client.close();
      if (limit.aborted) return { address, origin, failure: 'it did not answer in time' };
      throw cause;
    }
    return { client, origin };
  } catch (cause) {
    signal?.throwIfAborted();
    if (!isBuildError(cause)) throw cause;
    return { address, origin, failure: whyOf(cause.details) ?? withoutFullStop(cause.message) };
  }
}

async function startInstalled(
  options: FindDaemonOptions,
  before: readonly DaemonAttempt[],
): Promise<FoundDaemon> {
  const { environment, signal, onProgress } = options;
  const attempts = [...before];
  const isRoot = process.getuid?.() === 0;
  const programs = await installedDaemons(environment.variables['PATH'] ?? '', isRoot);
  if (programs.length === 0) {
    attempts.push({
      address: 'a private daemon',
      origin: 'started from an installed program',
      failure: isRoot
        ? 'neither buildkitd nor dockerd is installed'
        : 'no buildkitd with rootlesskit is installed, and dockerd can be started by root only',
    });
  }
  for (const program of programs) {
    onProgress?.(`starting a private daemon (${program.path})`);
    let daemon: PrivateDaemon;
    try {
      daemon = await startPrivateDaemon(options.privateDir ?? privateDaemonDir(environment), {
        program,
        timeoutMs: 20_000,
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (cause) {
      if (!isBuildError(cause)) throw cause;
      attempts.push({
        address: program.path,
        origin: 'started as a private daemon',
        failure: withoutFullStop(cause.message),
      });
      continue;
    }
    try {
      const client = await connect(daemon.endpoint, signal === undefined ? {} : { signal });
      return await found(client, 'private daemon', attempts, signal, daemon);
    } catch (cause) {
      await daemon.stop();
      throw cause;
    }
  }
  throw buildError(errors, 'DAEMON_NOT_FOUND', { attempts });
}

async function found(
  client: Client,
  origin: string,
  attempts: readonly DaemonAttempt[],
  signal: AbortSignal | undefined,
  daemon?: PrivateDaemon,
): Promise<FoundDaemon> {
  const { endpoint } = client;
  const bridged =
    endpoint.kind !== 'docker' ||
    // An engine that keeps its networks to itself is taken for a usual one.
    (await hasDefaultNetwork(endpoint.socket, signal).catch(() => true));
  return {
    client,
    address: client.address,
    origin,
    stepNetwork: bridged ? 'default' : 'host',
    attempts,
    close: async () => {
      client.close();
      await daemon?.stop();
    },
  };
}

function socketPath(endpoint: Endpoint): string | undefined {
  if (endpoint.kind === 'unix') return endpoint.path;
  return endpoint.kind === 'docker' && endpoint.socket.kind === 'unix' ? endpoint.socket.path : undefined;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    // A folder that may not be looked into: let the connection say so.
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
  );
}

function whyOf(details: unknown): string | undefined {
  if (typeof details !== 'object' || details === null || !('why' in details)) return undefined;
  return typeof details.why === 'string' ? withoutFullStop(details.why) : undefined;
}

function withoutFullStop(text: string): string {
  return text.replace(/\.$/, '');
}
