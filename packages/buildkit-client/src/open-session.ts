import type { OpenSession } from './session-contract.ts';
import type { SessionThreads } from './session/session-threads.ts';

/**
 * Opens a session with attachables on a connection of its own and serves it from a worker thread.
 *
 * Builds do it by themselves; alone it is for programs that speak to the daemon in their own way. The session server
 * is loaded on the first call.
 *
 * @throws {ConnectionError} when the daemon cannot be reached; the signal's reason when it aborts meanwhile.
 */
export const openSession: OpenSession = async (endpoint, attachables, options) => {
  const server = await import('./session/open-session.ts');
  return await server.openSession(endpoint, attachables, options);
};

/** The sessions of one client, which use a thread again. */
export interface ClientSessions {
  readonly open: OpenSession;
  /** Starts the thread of the next session ahead. */
  readonly prepare: () => void;
  /** Ends the thread that is kept. Sessions that run end with their own. */
  readonly close: () => void;
}

/** Loads the session server when it is needed first. */
export function clientSessions(): ClientSessions {
  let loading: Promise<SessionThreads> | undefined;
  let closed = false;
  const load = async (): Promise<SessionThreads> => {
    const { sessionThreads } = await import('./session/session-threads.ts');
    const own = sessionThreads();
    if (closed) own.close();
    return own;
  };
  const threads = (): Promise<SessionThreads> => (loading ??= load());
  return {
    async open(...given) {
      const [server, own] = await Promise.all([import('./session/open-session.ts'), threads()]);
      return await server.openSessionIn(own, ...given);
    },
    prepare() {
      // Opening the session tells what is wrong.
      threads().then(
        (own) => own.prepare(),
        () => {},
      );
    },
    close() {
      closed = true;
      loading?.then(
        (own) => own.close(),
        () => {},
      );
    },
  };
}
