import { connect } from 'node:net';
import type { CacheBackend } from '@melange2/plugin-api';

/**
 * Parts caches into those that can be asked and those whose registry takes connections and then says nothing: a daemon
 * would wait for such a one without end, and the build with it.
 *
 * A registry that cannot be reached from here stays: the daemon may be nearer to it, and tells if it is not.
 */
export async function withoutSilentRegistries(
  caches: readonly CacheBackend[],
  signal: AbortSignal,
): Promise<{ readonly asked: readonly CacheBackend[]; readonly silent: readonly CacheBackend[] }> {
  const isSilent = await Promise.all(
    caches.map(async ({ type, attributes: { ref = '', timeout } }) => {
      const address = type === 'registry' ? addressOf(ref) : undefined;
      return address !== undefined && !(await answers(address, secondsOf(timeout, 10) * 1000, signal));
    }),
  );
  return {
    asked: caches.filter((_, i) => isSilent[i] !== true),
    silent: caches.filter((_, i) => isSilent[i] === true),
  };
}

/** The seconds of an attribute `timeout`. */
export function secondsOf(timeout: string | undefined, otherwise: number): number {
  const seconds = Number(timeout);
  return seconds > 0 ? seconds : otherwise;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

function addressOf(ref: string): Address | undefined {
  const [, host, port] = /^(\[[^\]]+\]|[^/:]+)(?::(\d+))?\//.exec(ref) ?? [];
  if (host === undefined || !(host.includes('.') || host === 'localhost' || port !== undefined))
    return undefined;
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port ?? 443) };
}

/** Whether a server says anything at all, be it HTTP, TLS or a refusal. */
async function answers({ host, port }: Address, limitMs: number, signal: AbortSignal): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    const socket = connect({ host, port });
    let isConnected = false;
    const end = (answered: boolean): void => {
      socket.destroy();
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      resolve(answered);
    };
    const onAbort = (): void => end(true);
    const timer = setTimeout(() => end(!isConnected), limitMs);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('connect', () => {
      isConnected = true;
      // Servers of TLS answer it with an alert, those of HTTP with their document.
      socket.write(`GET /v2/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    });
    socket
      .on('data', () => end(true))
      .on('error', () => end(true))
      .on('close', () => end(true));
  });
}
