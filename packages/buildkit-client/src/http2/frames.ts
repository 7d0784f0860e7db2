import { Http2Error, http2Code } from './errors.ts';

/** Types of frames (RFC 9113, 6); others are skipped. */
export const frameType: {
  readonly data: 0;
  readonly headers: 1;
  readonly priority: 2;
  readonly reset: 3;
  readonly settings: 4;
  readonly pushPromise: 5;
  readonly ping: 6;
  readonly goaway: 7;
  readonly windowUpdate: 8;
  readonly continuation: 9;
} = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
};

export const frameFlag: {
  readonly ack: 1;
  readonly endStream: 1;
  readonly endHeaders: 4;
  readonly padded: 8;
  readonly priority: 32;
} = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 32 };

export const setting: {
  readonly headerTableSize: 1;
  readonly enablePush: 2;
  readonly maxConcurrentStreams: 3;
  readonly initialWindowSize: 4;
  readonly maxFrameSize: 5;
  readonly maxHeaderListSize: 6;
} = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
};

/** What a client says first. */
export const clientPreface: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** The largest payload of a frame where nothing else was agreed on. */
export const defaultFrameBytes = 16_384;
const headBytes = 9;

/** Takes frames apart. A throw ends the connection. */
export interface FrameReceiver {
  /** What a DATA frame brings, padding included, before any of it has come. */
  readonly dataHead: (stream: number, length: number) => void;
  /** Some data of a frame, in a view that is valid during the call. */
  readonly data: (stream: number, part: Buffer) => void;
  /** A DATA frame has come whole. */
  readonly dataEnd: (stream: number, flags: number) => void;
  /** Any other frame, its payload in a view that is valid during the call. */
  readonly control: (type: number, flags: number, stream: number, payload: Buffer) => void;
}

/** Cuts bytes into frames, however they come. Data is handed on without waiting for the whole frame. */
export class FrameReader {
  readonly #receiver: FrameReceiver;
  readonly #head = Buffer.alloc(headBytes);
  /** What of the head has come; all of it while a payload is read. */
  #headLength = 0;
  #type = 0;
  #flags = 0;
  #stream = 0;
  /** What of the payload has not come yet. */
  #left = 0;
  /** Padding at the end of the payload; unknown until the first byte of a padded frame has come. */
  #padding: number | undefined = 0;
  #collected: Buffer | undefined;

  constructor(receiver: FrameReceiver) {
    this.#receiver = receiver;
  }

  /** @throws {Http2Error} on a frame that is larger than was agreed on, and whatever the receiver throws. */
  push(chunk: Buffer): void {
    let at = 0;
    const { length } = chunk;
    while (at < length) {
      if (this.#headLength < headBytes) {
        if (this.#headLength === 0 && length - at >= headBytes) {
          this.#begin(chunk, at);
          at += headBytes;
        } else {
          const bytes = Math.min(headBytes - this.#headLength, length - at);
          chunk.copy(this.#head, this.#headLength, at, at + bytes);
          this.#headLength += bytes;
          at += bytes;
          if (this.#headLength < headBytes) return;
          this.#begin(this.#head, 0);
        }
      }
      const bytes = Math.min(this.#left, length - at);
      if (this.#type === frameType.data) this.#data(chunk, at, bytes);
      else this.#control(chunk, at, bytes);
      at += bytes;
      if (this.#left === 0) this.#headLength = 0;
    }
  }

  #begin(head: Buffer, at: number): void {
    this.#headLength = headBytes;
    this.#left = (head[at]! << 16) | (head[at + 1]! << 8) | head[at + 2]!;
    this.#type = head[at + 3]!;
    this.#flags = head[at + 4]!;
    this.#stream = head.readUInt32BE(at + 5) & 0x7fffffff;
    if (this.#left > defaultFrameBytes)
      throw new Http2Error(http2Code.frameSize, `a frame of ${this.#left} bytes`);
    if (this.#type !== frameType.data) return;
    const isPadded = (this.#flags & frameFlag.padded) !== 0;
    if (isPadded && this.#left === 0)
      throw new Http2Error(http2Code.frameSize, 'a padded frame without a length');
    this.#padding = isPadded ? undefined : 0;
    this.#receiver.dataHead(this.#stream, this.#left);
  }

  #data(chunk: Buffer, from: number, bytes: number): void {
    let at = from;
    const to = from + bytes;
    if (this.#padding === undefined && bytes > 0) {
      this.#padding = chunk[at++]!;
      this.#left--;
      if (this.#padding > this.#left)
        throw new Http2Error(http2Code.protocol, 'more padding than there is frame');
    }
    if (this.#padding !== undefined) {
      const dataLeft = this.#left - this.#padding;
      const end = Math.min(to, at + Math.max(0, dataLeft));
      this.#left -= to - at;
      if (end > at) this.#receiver.data(this.#stream, chunk.subarray(at, end));
    }
    if (this.#left === 0) this.#receiver.dataEnd(this.#stream, this.#flags);
  }

  #control(chunk: Buffer, at: number, bytes: number): void {
    this.#left -= bytes;
    let payload: Buffer | undefined;
    if (this.#collected === undefined && this.#left === 0) payload = chunk.subarray(at, at + bytes);
    else {
      this.#collected ??= Buffer.allocUnsafe(this.#left + bytes);
      chunk.copy(this.#collected, this.#collected.length - this.#left - bytes, at, at + bytes);
      if (this.#left > 0) return;
      payload = this.#collected;
      this.#collected = undefined;
    }
    this.#receiver.control(this.#type, this.#flags, this.#stream, payload);
  }
}

/** Returns the payload of a frame without its padding. */
export function withoutPadding(flags: number, payload: Buffer): Buffer {
  if ((flags & frameFlag.padded) === 0) return payload;
  const padding = payload[0];
  if (padding === undefined || padding >= payload.length)
    throw new Http2Error(http2Code.protocol, 'more padding than there is frame');
  return payload.subarray(1, payload.length - padding);
}

/** The head of a frame. */
export function frameHead(type: number, flags: number, stream: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(headBytes);
  writeHead(head, type, flags, stream, length);
  return head;
}

/** A whole frame with a small payload. */
export function smallFrame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(headBytes + payload.length);
  writeHead(frame, type, flags, stream, payload.length);
  frame.set(payload, headBytes);
  return frame;
}

function writeHead(to: Buffer, type: number, flags: number, stream: number, length: number): void {
  to[0] = length >>> 16;
  to[1] = length >>> 8;
  to[2] = length;
  to[3] = type;
  to[4] = flags;
  to[5] = stream >>> 24;
  to[6] = stream >>> 16;
  to[7] = stream >>> 8;
  to[8] = stream;
}

/** A frame that says one number, as WINDOW_UPDATE and RST_STREAM do. */
export function numberFrame(type: number, stream: number, value: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(value);
  return smallFrame(type, 0, stream, payload);
}

export function settingsFrame(values: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.allocUnsafe(values.length * 6);
  for (const [i, [id, value]] of values.entries()) {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  }
  return smallFrame(frameType.settings, 0, 0, payload);
}

/** A header block in as many frames as it needs. */
export function headerFrames(
  stream: number,
  block: Buffer,
  endStream: boolean,
  maxFrameBytes: number,
): Buffer[] {
  const frames: Buffer[] = [];
  let at = 0;
  do {
    const part = block.subarray(at, at + maxFrameBytes);
    const first = at === 0;
    at += part.length;
    const flags =
      (first && endStream ? frameFlag.endStream : 0) | (at === block.length ? frameFlag.endHeaders : 0);
    frames.push(smallFrame(first ? frameType.headers : frameType.continuation, flags, stream, part));
  } while (at < block.length);
  return frames;
}

export function goawayFrame(lastStream: number, code: number, why: string): Buffer {
  const text = Buffer.from(why);
  const payload = Buffer.allocUnsafe(8 + text.length);
  payload.writeUInt32BE(lastStream, 0);
  payload.writeUInt32BE(code, 4);
  payload.set(text, 8);
  return smallFrame(frameType.goaway, 0, 0, payload);
}
