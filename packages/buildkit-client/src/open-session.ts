import type { OpenSession } from './session-contract.ts';

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
