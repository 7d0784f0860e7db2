import { buildError } from '@melange2/diagnostics';
import { frameHeaderBytes } from '../grpc/message-frames.ts';
import { sessionErrors } from './errors.ts';
import type { ServerCall } from './server-call.ts';

/**
 * Returns the parser of a stream of messages with one bytes field. It hands out the bytes as they come, in views,
 * without waiting for the whole message.
 *
 * @throws {BuildError} SESSION_PEER_INVALID from the parser on anything else.
 */
export function bytesPayloads(): (chunk: Buffer, take: (payload: Buffer) => void) => void {
  const refuse = (): never => {
    throw buildError(sessionErrors, 'SESSION_PEER_INVALID', { what: 'sent something else than bytes' });
  };
  let state: 'frame' | 'tag' | 'length' | 'payload' = 'frame';
  let frameAt = 0;
  let messageLeft = 0;
  let length = 0;
  let scale = 1;
  return (chunk, take) => {
    let at = 0;
    while (at < chunk.length) {
      switch (state) {
        case 'frame': {
          const byte = chunk[at++]!;
          if (frameAt === 0) {
            if (byte !== 0) refuse();
            messageLeft = 0;
          } else messageLeft = messageLeft * 256 + byte;
          if (++frameAt < frameHeaderBytes) break;
          frameAt = 0;
          if (messageLeft > 0) state = 'tag';
          break;
        }
        case 'tag':
          if (chunk[at++] !== 0x0a) refuse();
          messageLeft--;
          length = 0;
          scale = 1;
          state = 'length';
          break;
        case 'length': {
          const byte = chunk[at++]!;
          messageLeft--;
          length += (byte & 0x7f) * scale;
          scale *= 128;
          if (byte >= 128) {
            if (scale > 2 ** 35) refuse();
            break;
          }
          if (length !== messageLeft) refuse();
          state = length === 0 ? 'frame' : 'payload';
          break;
        }
        case 'payload': {
          const bytes = Math.min(messageLeft, chunk.length - at);
          take(chunk.subarray(at, at + bytes));
          at += bytes;
          messageLeft -= bytes;
          if (messageLeft === 0) state = 'frame';
          break;
        }
      }
    }
  };
}

/** Sends bytes as one message and waits until more may be sent. */
export async function sendBytes(call: ServerCall, bytes: Uint8Array): Promise<void> {
  let varintBytes = 1;
  for (let rest = bytes.length; rest >= 128; rest = Math.floor(rest / 128)) varintBytes++;
  const header = Buffer.allocUnsafe(frameHeaderBytes + 1 + varintBytes);
  header[0] = 0;
  header.writeUInt32BE(1 + varintBytes + bytes.length, 1);
  header[frameHeaderBytes] = 0x0a;
  let at = frameHeaderBytes + 1;
  let rest = bytes.length;
  for (; rest >= 128; rest = Math.floor(rest / 128)) header[at++] = (rest % 128) | 0x80;
  header[at] = rest;
  if (!call.write([header, bytes])) await call.drained();
}

/** Sends bytes of any number in messages that every daemon takes. */
export async function sendAllBytes(call: ServerCall, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += maxPayloadBytes)
    await sendBytes(call, bytes.subarray(at, at + maxPayloadBytes));
}

const maxPayloadBytes = 1 << 20;
