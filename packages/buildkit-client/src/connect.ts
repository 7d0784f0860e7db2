import { formatEndpoint, parseAddress } from './address.ts';
import { clientOf, type Client } from './client.ts';
import type { Endpoint, TlsSettings } from './endpoint.ts';
import { fromWireError } from './errors.ts';
import { openChannel } from './grpc/channel.ts';
import type { OpenSession } from './session-contract.ts';
import { dial } from './transport/dial.ts';

export interface ConnectOptions {
  readonly signal?: AbortSignal;
  /** For `tcp` addresses. */
  readonly tls?: TlsSettings;
  /** How long it may take until the daemon has answered. */
  readonly timeoutMs?: number;
  /** How long the daemon may be silent, with calls under way, before the connection counts as lost; 0 for ever. */
  readonly hangTimeoutMs?: number;
  /** Messages larger than this are refused. */
  readonly maxMessageBytes?: number;
}

/**
 * Connects to a BuildKit daemon and resolves when it has answered.
 *
 * @see parseAddress for the addresses.
 * @throws {BuildError} BUILDKIT_ADDRESS_INVALID, BUILDKIT_UNREACHABLE when nobody answers in time.
 */
export async function connect(address: string | Endpoint, options: ConnectOptions = {}): Promise<Client> {
  const endpoint = typeof address === 'string' ? parseAddress(address, options.tls) : address;
  const shown = formatEndpoint(endpoint);
  const { signal, timeoutMs = 4500 } = options;
  try {
    const startedMs = performance.now();
    const duplex = await dial(endpoint, { signal, timeoutMs });
    const channel = await openChannel(duplex, {
      signal,
      openTimeoutMs: Math.max(200, timeoutMs - (performance.now() - startedMs)),
      hangTimeoutMs: options.hangTimeoutMs,
      maxMessageBytes: options.maxMessageBytes,
    });
    return clientOf(channel, endpoint, shown, openSession);
  } catch (cause) {
    throw fromWireError(cause, shown);
  }
}

/** Most programs that connect never open a session, or do much before. */
const openSession: OpenSession = async (endpoint, attachables, options) =>
  await (await import('./session/open-session.ts')).openSession(endpoint, attachables, options);
