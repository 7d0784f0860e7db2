import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';

/** User and password for a host. */
export interface HttpCredentials {
  readonly username: string;
  readonly password: string;
}

/**
 * Reads `HTTP_AUTH`: `basic:HOST:USER:PASSWORD`, or several with commas between.
 *
 * @throws {BuildError} HTTP_AUTH_INVALID; the message never holds the value
 */
export function httpCredentials(
  env: Readonly<Record<string, string | undefined>>,
): (host: string) => HttpCredentials | undefined {
  const byHost = new Map<string, HttpCredentials>();
  const text = env['HTTP_AUTH'] ?? '';
  for (const entry of text === '' ? [] : text.split(',')) {
    const [scheme, host, username, ...password] = entry.trim().split(':');
    if (scheme !== 'basic' || host === undefined || username === undefined || password.length === 0) {
      throw buildError(errors, 'HTTP_AUTH_INVALID', { parts: entry.split(':').length });
    }
    byHost.set(host, { username, password: password.join(':') });
  }
  return (host) => byHost.get(host) ?? byHost.get(host.replace(/:\d+$/, ''));
}
