import type { Duplex } from 'node:stream';
import { asError } from '../as-error.ts';
import { ConnectionError } from '../grpc/grpc-error.ts';
import type { SocketFeed } from '../http2/transport.ts';

const maxHeadBytes = 64 << 10;

/**
 * Takes a connection to a Docker engine out of HTTP/1.1: behind it, HTTP/2 without TLS is spoken.
 *
 * @throws {ConnectionError} `protocol` when the engine refuses the upgrade, with its words.
 */
export async function upgrade<Stream extends Duplex>(
  socket: Stream,
  path: string,
  headers: Readonly<Record<string, string | readonly string[]>>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  feed: Pick<SocketFeed, 'listen' | 'release'> = streamFeed(socket),
): Promise<Stream> {
  return await new Promise<Stream>((resolve, reject) => {
    let head: Buffer = Buffer.alloc(0);
    const stop = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
    };
    const fail = (error: unknown): void => {
      stop();
      feed.release(Buffer.alloc(0));
      socket.on('error', () => {});
      socket.destroy();
      reject(asError(error));
    };
    const take = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) {
        if (head.length > maxHeadBytes)
          fail(new ConnectionError('protocol', 'The other end does not speak HTTP as a Docker engine does.'));
        return;
      }
      const text = head.toString('latin1', 0, end);
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1];
      const rest = head.subarray(end + 4);
      if (status !== '101') {
        fail(new ConnectionError('protocol', refusal(status, rest.toString('utf8'), path)));
        return;
      }
      stop();
      feed.release(rest);
      resolve(socket);
    };
    const onError = (cause: Error): void =>
      fail(new ConnectionError('closed', `The connection broke (${cause.message}).`, [], cause));
    const onEnd = (): void =>
      fail(new ConnectionError('closed', 'The engine closed the connection instead of upgrading it.'));
    const onAbort = (): void => fail(signal?.reason);
    const timer = setTimeout(
      () => fail(new ConnectionError('timeout', `The engine did not answer within ${timeoutMs} ms.`)),
      timeoutMs,
    );
    signal?.addEventListener('abort', onAbort);
    feed.listen(take);
    socket.on('error', onError);
    socket.on('end', onEnd);
    socket.on('close', onEnd);
    socket.write(request(path, headers));
  });
}

/** What comes through a stream, as long as nobody else reads it. */
function streamFeed(stream: Duplex): Pick<SocketFeed, 'listen' | 'release'> {
  let stop = (): void => {};
  return {
    listen(take) {
      let isListening = true;
      const onReadable = (): void => {
        for (;;) {
          const chunk = isListening ? (stream.read() as Buffer | null) : null;
          if (chunk === null) return;
          take(chunk);
        }
      };
      stream.on('readable', onReadable);
      stop = () => {
        isListening = false;
        stream.off('readable', onReadable);
      };
    },
    release(rest) {
      stop();
      if (rest.length > 0) stream.unshift(rest);
    },
  };
}

function request(path: string, headers: Readonly<Record<string, string | readonly string[]>>): string {
  const lines = [`POST ${path} HTTP/1.1`, 'Host: docker', 'Connection: Upgrade', 'Upgrade: h2c'];
  for (const [name, value] of Object.entries(headers))
    for (const single of typeof value === 'string' ? [value] : value) lines.push(`${name}: ${single}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function refusal(status: string | undefined, body: string, path: string): string {
  if (status === undefined) return 'The other end does not speak HTTP as a Docker engine does.';
  const words = /"message"\s*:\s*"([^"]*)"/.exec(body)?.[1] ?? '';
  return `The engine answered POST ${path} with HTTP status ${status}${words === '' ? '' : `: ${words}`}.`;
}
