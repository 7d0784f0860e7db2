import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Hears what comes through a transport. */
export interface ByteReceiver {
  /** Bytes that came, in a view that is valid during the call. */
  readonly data: (chunk: Buffer) => void;
  /** Nothing comes any more; once. */
  readonly closed: (error: Error | undefined) => void;
}

/** A byte stream in both directions that hands memory on without keeping it. */
export interface ByteTransport {
  /** Begins to hand on what comes. */
  readonly open: (receiver: ByteReceiver) => void;
  /** Writes all parts; `left` is called when their memory may be used for something else, perhaps at once. */
  readonly write: (parts: readonly Uint8Array[], left: () => void) => void;
  readonly destroy: () => void;
}

/** Makes a transport of any stream. */
export function duplexTransport(duplex: Duplex): ByteTransport {
  return {
    open(receiver) {
      hearEnd(duplex, receiver);
      duplex.on('data', receiver.data);
    },
    write(parts, left) {
      // What a stream does with memory that it has taken is its own affair.
      duplex.write(Buffer.concat(parts), left);
    },
    destroy: () => destroy(duplex),
  };
}

/** Reads a socket into one buffer that is used again and again: what comes has to be used during the call. */
export interface SocketFeed {
  /** For the options of the socket. */
  readonly onread: {
    readonly buffer: Uint8Array;
    readonly callback: (bytes: number, buffer: Uint8Array) => boolean;
  };
  /** Sets who hears what has come and comes, in place of who did before. */
  readonly listen: (take: (chunk: Buffer) => void) => void;
  /** Stops telling the listener: what it gives back, and what comes, is for the next one. */
  readonly release: (rest: Buffer) => void;
}

const feedBytes = 256 << 10;

export function socketFeed(): SocketFeed {
  const buffer = Buffer.allocUnsafeSlow(feedBytes);
  let kept: Buffer[] = [];
  const keep = (chunk: Buffer): void => void kept.push(Buffer.from(chunk));
  let listener = keep;
  return {
    onread: {
      buffer,
      callback(bytes) {
        listener(buffer.subarray(0, bytes));
        return true;
      },
    },
    listen(take) {
      listener = take;
      const chunks = kept;
      kept = [];
      // The listener may have been released by what it has heard.
      for (const chunk of chunks) listener(chunk);
    },
    release(rest) {
      listener = keep;
      if (rest.length > 0) keep(rest);
    },
  };
}

/** Makes a transport of a socket that was opened with the feed. */
export function socketTransport(socket: Socket, feed: SocketFeed): ByteTransport {
  return {
    open(receiver) {
      hearEnd(socket, receiver);
      feed.listen(receiver.data);
    },
    write(parts, left) {
      let hasLeft = false;
      const once = (): void => {
        if (!hasLeft) left();
        hasLeft = true;
      };
      socket.cork();
      const last = parts.length - 1;
      for (const [i, part] of parts.entries()) {
        if (i < last) socket.write(part);
        else socket.write(part, once);
      }
      socket.uncork();
      // Most often the system takes it at once, long before it says so.
      if (socket.writableLength === 0) once();
    },
    destroy: () => destroy(socket),
  };
}

function hearEnd(duplex: Duplex, receiver: ByteReceiver): void {
  let error: Error | undefined = duplex.errored ?? undefined;
  let over = false;
  const end = (): void => {
    if (!over) receiver.closed(error);
    over = true;
  };
  duplex.on('error', (cause) => {
    error ??= cause;
  });
  duplex.on('end', end);
  duplex.on('close', end);
  // Without anybody to hear it, the end of a socket that is read by a feed is not seen.
  duplex.resume();
  if (duplex.destroyed) setImmediate(end);
}

function destroy(duplex: Duplex): void {
  duplex.on('error', () => {});
  duplex.destroy();
}
