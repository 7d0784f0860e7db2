/** Bytes in front of every message: a compression flag and the length. */
export const frameHeaderBytes = 5;

/** Returns the message with its frame header. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(frameHeaderBytes + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, frameHeaderBytes);
  return framed;
}

/** Cuts a stream of bytes into messages. */
export interface Deframer {
  /** Takes bytes as they come and returns the messages that are whole now, as views where possible. */
  push: (chunk: Buffer) => readonly Buffer[];
  /** True when the stream may end here: nothing of a message is left over. */
  empty: () => boolean;
}

/**
 * Makes a deframer that refuses messages larger than `limitBytes`, before they are collected.
 *
 * @throws {Error} from `push` on a message over the limit and on a compressed message.
 */
export function deframer(limitBytes: number): Deframer {
  let parts: Buffer[] = [];
  let available = 0;
  let needed = frameHeaderBytes;
  let length: number | undefined;

  const take = (bytes: number): Buffer => {
    const first = parts[0]!;
    available -= bytes;
    if (first.length === bytes) {
      parts.shift();
      return first;
    }
    if (first.length > bytes) {
      parts[0] = first.subarray(bytes);
      return first.subarray(0, bytes);
    }
    const whole = Buffer.allocUnsafe(bytes);
    let at = 0;
    let used = 0;
    while (at < bytes) {
      const part = parts[used]!;
      const size = Math.min(part.length, bytes - at);
      part.copy(whole, at, 0, size);
      at += size;
      if (size === part.length) used++;
      else parts[used] = part.subarray(size);
    }
    parts = parts.slice(used);
    return whole;
  };

  return {
    push(chunk) {
      if (chunk.length > 0) {
        parts.push(chunk);
        available += chunk.length;
      }
      const messages: Buffer[] = [];
      while (available >= needed) {
        if (length === undefined) {
          const header = take(frameHeaderBytes);
          if (header[0] !== 0)
            throw new Error('The peer sent a compressed message, which was not agreed on.');
          length = header.readUInt32BE(1);
          if (length > limitBytes)
            throw new Error(
              `The peer announced a message of ${length} bytes; at most ${limitBytes} are taken.`,
            );
          needed = length;
        } else {
          messages.push(length === 0 ? Buffer.alloc(0) : take(length));
          length = undefined;
          needed = frameHeaderBytes;
        }
      }
      return messages;
    },
    empty: () => available === 0 && length === undefined,
  };
}
