import { formatEndpoint, parseAddress } from './address.ts';
import type { Client } from './client.ts';
import type { Endpoint, TlsSettings } from './endpoint.ts';
import { fromWireError } from './errors.ts';

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
  // What speaks the protocol is loaded by the first connection: importing this package has to cost nothing.
  const [{ dial }, { openChannel }, { clientOf }] = await Promise.all([
    import('./transport/dial.ts'),
    import('./grpc/channel.ts'),
    import('./client.ts'),
  ]);
  try {
    const startedMs = performance.now();
    const duplex = await dial(endpoint, { signal, timeoutMs });
    const channel = await openChannel(duplex, {
      signal,
      openTimeoutMs: Math.max(200, timeoutMs - (performance.now() - startedMs)),
      hangTimeoutMs: options.hangTimeoutMs,
      maxMessageBytes: options.maxMessageBytes,
    });
    return clientOf(channel, endpoint, shown);
  } catch (cause) {
    throw fromWireError(cause, shown);
  }
}
