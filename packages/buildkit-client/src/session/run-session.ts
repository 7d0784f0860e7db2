import type { Endpoint } from '../endpoint.ts';
import { openSessionTransport } from '../transport/session-stream.ts';
import type { ContentReaders } from './fsutil/content-reader.ts';
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

/** A session that is served by the thread which asks. */
export interface SessionHere extends RunningSession {
  /** False while a handler still runs, which one may when its call is over. */
  readonly isIdle: () => boolean;
}

/**
 * Offers a session to the daemon and serves it from this thread.
 *
 * @param failed hears what went wrong on the client's side.
 * @param readers outlive the session, if they are given.
 * @throws {ConnectionError} when the daemon cannot be reached.
 */
export async function runSession(
  endpoint: Endpoint,
  identity: SessionIdentity,
  plan: SessionPlan,
  host: SessionHost,
  failed: (error: unknown) => void,
  signal?: AbortSignal,
  readers?: ContentReaders,
): Promise<SessionHere> {
  const services = sessionServices(plan, host, readers);
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
    isIdle: () => served.isIdle(),
  };
}
