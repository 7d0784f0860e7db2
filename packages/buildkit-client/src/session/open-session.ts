import { randomBytes } from 'node:crypto';
import type { Endpoint } from '../endpoint.ts';
import type { Attachables, OpenSession, Session, SessionOptions } from '../session-contract.ts';
import { callerHost, planOf } from './caller-host.ts';
import type { RunningSession, SessionIdentity } from './run-session.ts';
import type { SessionHost } from './session-host.ts';
import { sessionThreads, type SessionThreads } from './session-threads.ts';

/**
 * Offers a session to the daemon on a connection of its own, and serves it from a worker thread, so that a busy
 * caller does not lose it. The thread ends with the session.
 *
 * Functions among the attachables are called in this thread. The session lives until `close`, until the signal
 * aborts, or until the daemon or the connection ends it.
 *
 * @throws {ConnectionError} when the daemon cannot be reached; the signal's reason when it aborts meanwhile.
 */
export const openSession: OpenSession = async (...given) => {
  const threads = sessionThreads();
  try {
    return await openSessionIn(threads, ...given);
  } finally {
    threads.close();
  }
};

/** Opens a session in one of these threads. */
export async function openSessionIn(
  threads: SessionThreads,
  endpoint: Endpoint,
  attachables: Attachables,
  options: SessionOptions = {},
): Promise<Session> {
  options.signal?.throwIfAborted();
  const failures: unknown[] = [];
  const failed = (error: unknown): void => {
    if (!failures.includes(error)) failures.push(error);
  };
  const identity: SessionIdentity = {
    id: randomBytes(16).toString('hex'),
    name: options.name ?? 'melange2',
    sharedKey: options.sharedKey ?? '',
  };
  const host = callerHost(attachables, options, failed);
  const running = await start(threads, endpoint, identity, attachables, options, host, failed);
  const onAbort = (): void => running.close();
  options.signal?.addEventListener('abort', onAbort);
  let closing = false;
  const closed = running.closed.then((reason) => {
    options.signal?.removeEventListener('abort', onAbort);
    return closing ? undefined : reason;
  });
  return {
    id: identity.id,
    methods: running.methods,
    failures,
    closed,
    async close() {
      closing = true;
      running.close();
      await closed;
    },
  };
}

async function start(
  threads: SessionThreads,
  endpoint: Endpoint,
  identity: SessionIdentity,
  attachables: Attachables,
  options: SessionOptions,
  host: SessionHost,
  failed: (error: unknown) => void,
): Promise<RunningSession> {
  const plan = planOf(attachables, options);
  if (options.worker !== false) {
    const running = await threads.run(endpoint, identity, plan, host, failed, options.signal);
    if (running !== 'no worker') return running;
  }
  const { runSession } = await import('./run-session.ts');
  return await runSession(endpoint, identity, plan, host, failed, options.signal);
}
