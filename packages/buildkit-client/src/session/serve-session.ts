import { performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { health } from '@melange2/proto';
import { windowBytes } from '../grpc/http2-connection.ts';
import { runCall, unary, type CallHandler, type CallMetadata } from './server-call.ts';

/** A session that is being served. */
export interface ServedSession {
  /** Settles when the daemon or `close` has ended it: with the reason, if there is one. Never rejects. */
  readonly closed: Promise<unknown>;
  readonly close: () => void;
}

/**
 * Serves the daemon's calls on a byte stream on which the daemon speaks HTTP/2 as a client.
 *
 * The health service is always there: daemons drop a session that does not answer it.
 *
 * @param failed hears what handlers have thrown, apart from calls that the daemon gave up.
 */
export function serveSession(
  duplex: Duplex,
  handlers: ReadonlyMap<string, CallHandler>,
  failed: (error: unknown) => void = () => {},
): ServedSession {
  const session = performServerHandshake(duplex, {
    settings: { initialWindowSize: windowBytes, maxHeaderListSize: maxMetadataBytes },
    // Every include and exclude pattern comes as a header of its own.
    maxHeaderListPairs: 65_536,
    maxSessionMemory: 1024,
    strictSingleValueFields: false,
  } as Parameters<typeof performServerHandshake>[1]);
  session.setLocalWindowSize(windowBytes);

  let reason: unknown;
  let over = false;
  const closed = new Promise<unknown>((resolve) => {
    const end = (): void => {
      if (over) return;
      over = true;
      duplex.on('error', () => {});
      duplex.destroy();
      resolve(reason);
    };
    session.on('error', (cause) => {
      reason ??= cause;
    });
    duplex.on('error', (cause) => {
      reason ??= cause;
    });
    session.on('close', end);
    duplex.on('close', () => {
      if (!session.destroyed) session.destroy();
      end();
    });
  });

  session.on(
    'stream',
    (
      stream: ServerHttp2Stream,
      _headers: unknown,
      _flags: number,
      raw: readonly string[] | readonly (readonly string[])[],
    ) => {
      const metadata = metadataOf(raw.flat());
      const path = metadata.get(':path')?.[0] ?? '';
      const handler = path === healthCheck[0] ? healthCheck[1] : handlers.get(path);
      runCall(stream, path, metadata, handler, failed);
    },
  );

  return {
    closed,
    close() {
      session.destroy();
      duplex.destroy();
    },
  };
}

const maxMetadataBytes = 4 << 20;

const healthCheck = unary(health.Health.methods.Check, () => ({
  status: health.ServingStatus.SERVING,
}));

/** The raw headers keep several values of one name apart, which may contain commas. */
function metadataOf(raw: readonly string[]): CallMetadata {
  const metadata = new Map<string, string[]>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    const value = fromBytes(raw[i + 1]!);
    const values = metadata.get(name);
    if (values === undefined) metadata.set(name, [value]);
    else values.push(value);
  }
  for (const [name, [flag]] of metadata) {
    if (!name.endsWith('-encoded') || flag !== '1') continue;
    const plain = name.slice(0, -'-encoded'.length);
    const values = metadata.get(plain);
    if (values !== undefined) metadata.set(plain, values.map(decodeValue));
  }
  return metadata;
}

/** Node reads headers as Latin-1; daemons before 0.11 send paths as they are, in UTF-8. */
function fromBytes(value: string): string {
  return /[\u0080-\u00ff]/.test(value) ? Buffer.from(value, 'latin1').toString('utf8') : value;
}

/** As Go's url.QueryUnescape; a value that is not encoded well is kept. */
function decodeValue(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    return value;
  }
}
