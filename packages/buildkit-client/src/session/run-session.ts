import type { Endpoint } from '../endpoint.ts';
import { openSessionTransport } from '../transport/session-stream.ts';
import { serveSession } from './serve-session.ts';
import type { SessionHost, SessionPlan } from './session-host.ts';
import { sessionServices } from './session-services.ts';

/** Who the session is, for the daemon. */
export interface SessionIdentity {
  readonly id: string;
  readonly name: string;
  readonly sharedKey: string;
}

/** A session that the daemon may call. */
export interface RunningSession {
  readonly methods: readonly string[];
  /** Settles when it has ended and let go of everything: with the reason, if there is one. Never rejects. */
  readonly closed: Promise<unknown>;
  readonly close: () => void;
}

/**
 * Offers a session to the daemon and serves it from this thread.
 *
 * @param failed hears what went wrong on the client's side.
 * @throws {ConnectionError} when the daemon cannot be reached.
 */
export async function runSession(
  endpoint: Endpoint,
  identity: SessionIdentity,
  plan: SessionPlan,
  host: SessionHost,
  failed: (error: unknown) => void,
  signal?: AbortSignal,
): Promise<RunningSession> {
  const services = sessionServices(plan, host);
  const methods = [...services.handlers.keys()];
  const transport = await openSessionTransport(endpoint, { ...identity, methods }, { signal });
  const served = serveSession(transport, services.handlers, failed);
  return {
    methods,
    closed: served.closed.then(async (reason) => {
      await services.close();
      return reason;
    }),
    close: () => served.close(),
  };
}
