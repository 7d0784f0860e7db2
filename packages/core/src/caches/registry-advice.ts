import { formatRateLimit, mirrorStanza, parseRateLimit } from '@melange2/exporters';

/** Finds the account that a registry is asked with. */
type FindCredentials = (host: string) => Promise<{ readonly username: string } | undefined>;

/**
 * What to add to a daemon's words when a registry takes no more requests: the registry's limits, the account that was
 * used, and how to use a mirror. Empty for other words.
 *
 * The daemon does not hand on what the registry said of its limits, so the registry is asked once by the client.
 */
export async function registryAdvice(
  words: string,
  credentials: FindCredentials,
  signal: AbortSignal,
): Promise<string> {
  if (!/\b429\b|toomanyrequests|too many requests/i.test(words)) return '';
  const url = /https?:\/\/[^\s"']+\/v2\/[^\s"':]*/.exec(words)?.[0];
  if (url === undefined) return '';
  const { host } = new URL(url);
  const limits = await askLimits(url, signal);
  const account = await credentials(host).catch(() => undefined);
  const who = account === undefined ? 'anonymously' : `as ${account.username || 'the holder of a token'}`;
  const what = limits === '' ? '' : ` ${limits};`;
  return `. ${host}:${what} asked ${who}. Log in with an account that may ask more often, or use a mirror, with\n${mirrorStanza(host)}`;
}

async function askLimits(url: string, signal: AbortSignal): Promise<string> {
  try {
    const response = await fetch(url, {
      method: 'HEAD',
      signal: AbortSignal.any([signal, AbortSignal.timeout(3000)]),
    });
    return formatRateLimit(parseRateLimit((name) => response.headers.get(name) ?? undefined, Date.now()));
  } catch {
    // What cannot be found out is left out.
    return '';
  }
}
