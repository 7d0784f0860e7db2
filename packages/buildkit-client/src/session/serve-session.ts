import { health } from '@melange2/proto';
import { ConnectionError } from '../grpc/grpc-error.ts';
import { windowBytes } from '../grpc/http2-connection.ts';
import { serveHttp2 } from '../http2/connection.ts';
import { Http2Error } from '../http2/errors.ts';
import type { Field } from '../http2/hpack.ts';
import type { ByteTransport } from '../http2/transport.ts';
import { runCall, unary, type CallHandler, type CallMetadata } from './server-call.ts';

/** A session that is being served. */
export interface ServedSession {
  /** Settles when the daemon or `close` has ended it: with the reason, if there is one. Never rejects. */
  readonly closed: Promise<unknown>;
  readonly close: () => void;
  /** False while a handler still runs, which one may when its call is over. */
  readonly isIdle: () => boolean;
}

/**
 * Serves the daemon's calls on a byte stream on which the daemon speaks HTTP/2 as a client.
 *
 * The health service is always there: daemons drop a session that does not answer it.
 *
 * @param failed hears what handlers have thrown, apart from calls that the daemon gave up.
 */
export function serveSession(
  transport: ByteTransport,
  handlers: ReadonlyMap<string, CallHandler>,
  failed: (error: unknown) => void = () => {},
): ServedSession {
  let settle!: (reason: unknown) => void;
  const closed = new Promise<unknown>((resolve) => {
    settle = resolve;
  });
  let running = 0;
  const counted =
    (handler: CallHandler): CallHandler =>
    async (call) => {
      running++;
      try {
        await handler(call);
      } finally {
        running--;
      }
    };
  const connection = serveHttp2({
    transport,
    // Every include and exclude pattern comes as a header of its own.
    headerLimits: { listBytes: maxMetadataBytes, fields: 65_536 },
    maxStreams,
    windowBytes,
    // Calls that are not read must not keep others from being answered, the health checks above all.
    connectionWindowBytes: 16 * windowBytes,
    accept(stream, fields) {
      const metadata = metadataOf(fields);
      const path = metadata.get(':path')?.[0] ?? '';
      const handler = path === healthCheck[0] ? healthCheck[1] : handlers.get(path);
      return runCall(stream, path, metadata, handler && counted(handler), failed);
    },
    closed: (reason) => settle(reason instanceof Http2Error ? brokenRules(reason) : reason),
  });
  return { closed, close: () => connection.close(), isIdle: () => running === 0 };
}

function brokenRules(cause: Http2Error): ConnectionError {
  return new ConnectionError(
    'protocol',
    `The daemon does not speak HTTP/2 as it should: it sent ${cause.message}.`,
    [],
    cause,
  );
}

/** Calls that the daemon may have open at once. */
const maxStreams = 1000;
const maxMetadataBytes = 4 << 20;

const healthCheck = unary(health.Health.methods.Check, () => ({
  status: health.ServingStatus.SERVING,
}));

function metadataOf(fields: readonly Field[]): CallMetadata {
  const metadata = new Map<string, string[]>();
  for (const [key, value] of fields) {
    const name = key.toLowerCase();
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

/** As Go's url.QueryUnescape; a value that is not encoded well is kept. */
function decodeValue(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll('+', ' '));
  } catch {
    return value;
  }
}
