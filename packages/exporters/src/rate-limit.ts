/** What a registry says of how often it may be asked; only what it says. */
export interface RateLimit {
  /** How many requests are allowed. */
  readonly limit?: number;
  /** In how many seconds. */
  readonly windowSeconds?: number;
  readonly remaining?: number;
  /** In how many seconds it may be asked again. */
  readonly resetSeconds?: number;
}

/**
 * Reads the headers of an answer: `ratelimit-limit: 100;w=21600`, `ratelimit-remaining`, `ratelimit-reset`,
 * `retry-after`, also with `x-` in front.
 *
 * @param header gives a header by its lower-case name
 * @param nowMs for resets that are points in time
 */
export function parseRateLimit(header: (name: string) => string | undefined, nowMs: number): RateLimit {
  const either = (name: string): string => header(name) ?? header(`x-${name}`) ?? '';
  const [, limit, window] = /^(\d+)(?:.*?;w=(\d+))?/.exec(either('ratelimit-limit')) ?? [];
  const [, remaining] = /^(\d+)/.exec(either('ratelimit-remaining')) ?? [];
  const reset = secondsUntil(header('retry-after') ?? either('ratelimit-reset'), nowMs);
  return {
    ...(limit === undefined ? {} : { limit: Number(limit) }),
    ...(window === undefined ? {} : { windowSeconds: Number(window) }),
    ...(remaining === undefined ? {} : { remaining: Number(remaining) }),
    ...(reset === undefined ? {} : { resetSeconds: reset }),
  };
}

/** Some say how long, some when: as seconds since 1970 or as a date. */
function secondsUntil(text: string, nowMs: number): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) {
    const number = Number(text);
    return number > 1e9 ? Math.max(0, Math.ceil(number - nowMs / 1000)) : number;
  }
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - nowMs) / 1000));
}

/** A limit for people: `100 requests in 6 h, 0 left, again in 90 s`. Empty when nothing is known. */
export function formatRateLimit({ limit, windowSeconds, remaining, resetSeconds }: RateLimit): string {
  const window = windowSeconds === undefined ? '' : ` in ${span(windowSeconds)}`;
  return [
    ...(limit === undefined ? [] : [`${limit} requests${window}`]),
    ...(remaining === undefined ? [] : [`${remaining} left`]),
    ...(resetSeconds === undefined ? [] : [`again in ${span(resetSeconds)}`]),
  ].join(', ');
}

function span(seconds: number): string {
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600} h`;
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60} min`;
  return `${seconds} s`;
}

/** What to write into the configuration of a daemon so that it takes images from a mirror of this registry. */
export function mirrorStanza(host: string): string {
  const name = host === 'registry-1.docker.io' ? 'docker.io' : host;
  const docker =
    name === 'docker.io' ? ', or {"registry-mirrors": ["https://MIRROR"]} in /etc/docker/daemon.json' : '';
  return `[registry."${name}"]\n  mirrors = ["MIRROR"]\nin buildkitd.toml${docker}`;
}
