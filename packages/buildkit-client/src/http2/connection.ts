import { Http2Error, http2Code } from './errors.ts';
import { defaultWindowBytes, ReceiveWindow, SendWindow } from './flow-control.ts';
import {
  clientPreface,
  defaultFrameBytes,
  frameFlag,
  frameHead,
  FrameReader,
  frameType,
  goawayFrame,
  headerFrames,
  numberFrame,
  setting,
  settingsFrame,
  smallFrame,
  withoutPadding,
} from './frames.ts';
import { encodeHeaders, HeaderDecoder, type Field, type HeaderLimits } from './hpack.ts';
import type { ByteTransport } from './transport.ts';

/** Hears what becomes of one stream. */
export interface StreamReceiver {
  /** Data, in a view that is valid during the call. It counts as used when `used` was called for its bytes. */
  readonly data: (part: Buffer) => void;
  /** The peer sends nothing more. */
  readonly end: () => void;
  /** The stream is over, in good order or not; once. `reset` is the code of a stream that was reset. */
  readonly closed: (reset: number | undefined) => void;
}

/** One call of a connection. */
export interface Http2Stream {
  readonly id: number;
  /** Sends headers, before any data. */
  readonly respond: (fields: readonly Field[]) => void;
  /** Sends data, as far as the peer takes it. True when all of it has left, so that its memory is free again. */
  readonly write: (parts: readonly Uint8Array[]) => boolean;
  /** True when all that was written has left. */
  readonly hasLeft: () => boolean;
  /** Calls back when all that was written has left, or the stream is over. */
  readonly onceLeft: (call: () => void) => void;
  /** Says that nothing follows what was written but these headers. */
  readonly end: (trailers?: readonly Field[]) => void;
  /** Ends the stream in both directions, whatever is under way. */
  readonly reset: (code: number) => void;
  /** So much data is used up: the peer may send as much again. */
  readonly used: (bytes: number) => void;
}

export interface ConnectionOptions {
  readonly transport: ByteTransport;
  /** Takes a stream that the peer opens. */
  readonly accept: (stream: Http2Stream, fields: readonly Field[]) => StreamReceiver;
  /** The connection is over: with the reason, unless it was closed from here or ended by the peer in good order. */
  readonly closed: (reason: Error | undefined) => void;
  readonly headerLimits: HeaderLimits;
  /** Streams that the peer may have open at once. */
  readonly maxStreams: number;
  /** Data of one stream, and of all, that may come before it is used. */
  readonly windowBytes: number;
  readonly connectionWindowBytes: number;
}

/** An HTTP/2 connection whose other end is the client. */
export interface Http2Connection {
  readonly close: () => void;
}

/** Speaks HTTP/2 as a server, with a client that knows it does (RFC 9113). */
export function serveHttp2(options: ConnectionOptions): Http2Connection {
  return new Connection(options);
}

/** So much may lie in the transport before data waits here, where small answers can overtake it. */
const transportBytes = 1 << 20;
/** So much of one stream is sent before it is another's turn. */
const turnBytes = 256 << 10;
/** The largest frame that is sent, if the peer takes as much. */
const maxSentFrameBytes = 256 << 10;
/** Answers to pings and settings that the peer has not taken yet. */
const maxUntakenAnswers = 1000;
/** Streams that the peer may reset at once, and in each second. */
const resetsAtOnce = 1000;
const resetsPerSecond = 33;
/** Frames of one header block beyond what its bytes need. */
const spareHeaderFrames = 64;

interface HeaderBlock {
  readonly stream: number;
  readonly endStream: boolean;
  readonly parts: Buffer[];
  bytes: number;
}

class Connection implements Http2Connection {
  readonly #options: ConnectionOptions;
  readonly #transport: ByteTransport;
  readonly #reader: FrameReader;
  readonly #decoder: HeaderDecoder;
  readonly #streams = new Map<number, Stream>();
  readonly #sendWindow = new SendWindow(defaultWindowBytes);
  readonly #receiveWindow: ReceiveWindow;
  /** What of the client's first words has not come yet. */
  #preface: Buffer = clientPreface;
  #hasSettings = false;
  #block: HeaderBlock | undefined;
  #lastStream = 0;
  #peerWindowBytes = defaultWindowBytes;
  #peerFrameBytes = defaultFrameBytes;
  #over = false;
  #resets = 0;
  #resetsSince = performance.now();
  #answers = 0;

  /** Streams with something to send, in the order of their turns. */
  #ready: Stream[] = [];
  #out: Uint8Array[] = [];
  #outBytes = 0;
  /** Bytes given to the transport, and those of them that have left. */
  #given = 0;
  #left = 0;
  #waiting: Stream[] = [];
  #isPumping = false;

  constructor(options: ConnectionOptions) {
    const { transport, headerLimits, maxStreams, windowBytes, connectionWindowBytes } = options;
    this.#options = options;
    this.#transport = transport;
    this.#decoder = new HeaderDecoder(headerLimits);
    this.#receiveWindow = new ReceiveWindow(connectionWindowBytes);
    this.#reader = new FrameReader({
      dataHead: (stream, length) => this.#dataHead(stream, length),
      data: (stream, part) => this.#data(stream, part),
      dataEnd: (stream, flags) => this.#dataEnd(stream, flags),
      control: (type, flags, stream, payload) => this.#control(type, flags, stream, payload),
    });
    this.#send(
      settingsFrame([
        [setting.maxConcurrentStreams, maxStreams],
        [setting.initialWindowSize, windowBytes],
        [setting.maxHeaderListSize, headerLimits.listBytes],
      ]),
    );
    this.#send(numberFrame(frameType.windowUpdate, 0, connectionWindowBytes - defaultWindowBytes));
    this.#transport.open({
      data: (chunk) => this.#receive(chunk),
      closed: (error) => this.#end(error),
    });
    this.#flush();
  }

  close(): void {
    if (!this.#over) {
      this.#send(goawayFrame(this.#lastStream, http2Code.none, ''));
      this.#flush();
    }
    this.#end(undefined);
  }

  // What comes.

  #receive(bytes: Buffer): void {
    if (this.#over) return;
    let chunk = bytes;
    try {
      if (this.#preface.length > 0) {
        const length = Math.min(this.#preface.length, chunk.length);
        if (!chunk.subarray(0, length).equals(this.#preface.subarray(0, length)))
          throw new Http2Error(http2Code.protocol, 'something else than HTTP/2');
        this.#preface = this.#preface.subarray(length);
        chunk = chunk.subarray(length);
      }
      this.#reader.push(chunk);
    } catch (cause) {
      this.#fail(cause);
      return;
    }
    this.#pump();
  }

  #fail(cause: unknown): void {
    const error = cause instanceof Http2Error ? cause : undefined;
    const code = error?.code ?? http2Code.internal;
    this.#send(goawayFrame(this.#lastStream, code, error?.message ?? ''));
    this.#flush();
    this.#end(cause as Error);
  }

  #end(reason: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    for (const stream of this.#streams.values()) stream.over(undefined, false);
    this.#streams.clear();
    this.#transport.destroy();
    this.#options.closed(reason);
  }

  #dataHead(id: number, length: number): void {
    this.#expectFrame(frameType.data, id);
    this.#receiveWindow.take(length);
    const stream = this.#known(id);
    if (stream === undefined) {
      this.#used(length);
      return;
    }
    if (stream.peerEnded) throw new Http2Error(http2Code.streamClosed, 'data behind the end of a stream');
    stream.receiveWindow.take(length);
    stream.unused += length;
    stream.frameLeft = length;
  }

  #data(id: number, part: Buffer): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.frameLeft -= part.length;
    stream.receiver?.data(part);
  }

  #dataEnd(id: number, flags: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    // Padding is not anybody's to use.
    if (stream.frameLeft > 0) stream.used(stream.frameLeft);
    if ((flags & frameFlag.endStream) !== 0) this.#peerEnds(stream);
  }

  #peerEnds(stream: Stream): void {
    stream.peerEnded = true;
    stream.receiver?.end();
    this.finish(stream);
  }

  /** Refuses frames where they must not come. */
  #expectFrame(type: number, stream: number): void {
    if (!this.#hasSettings && type !== frameType.settings)
      throw new Http2Error(http2Code.protocol, 'something before the settings');
    if (this.#block !== undefined && (type !== frameType.continuation || stream !== this.#block.stream))
      throw new Http2Error(http2Code.protocol, 'something between the parts of headers');
  }

  /** Returns a stream; `undefined` for one that is over. */
  #known(id: number): Stream | undefined {
    const stream = this.#streams.get(id);
    if (stream === undefined && (id === 0 || id % 2 === 0 || id > this.#lastStream))
      throw new Http2Error(http2Code.protocol, 'a frame of a stream that was never opened');
    return stream;
  }

  #control(type: number, flags: number, id: number, payload: Buffer): void {
    this.#expectFrame(type, id);
    switch (type) {
      case frameType.headers:
        this.#headers(flags, id, payload);
        break;
      case frameType.continuation:
        this.#continue(flags, payload);
        break;
      case frameType.settings:
        this.#settings(flags, id, payload);
        break;
      case frameType.windowUpdate:
        this.#windowUpdate(id, number32(payload) & 0x7fffffff);
        break;
      case frameType.ping:
        if (payload.length !== 8) throw new Http2Error(http2Code.frameSize, 'a ping of another length');
        if (id !== 0) throw new Http2Error(http2Code.protocol, 'a ping of a stream');
        if ((flags & frameFlag.ack) === 0)
          this.#answer(smallFrame(frameType.ping, frameFlag.ack, 0, payload));
        break;
      case frameType.reset: {
        const code = number32(payload);
        const stream = this.#known(id);
        this.#countReset();
        stream?.over(code, false);
        break;
      }
      case frameType.pushPromise:
        throw new Http2Error(http2Code.protocol, 'a push, which was not agreed on');
      case frameType.priority:
        if (payload.length !== 5) throw new Http2Error(http2Code.frameSize, 'a priority of another length');
        break;
      case frameType.goaway:
        // What is under way goes on; the peer ends the connection itself.
        if (id !== 0) throw new Http2Error(http2Code.protocol, 'the end of a connection on a stream');
        break;
      default:
        break;
    }
  }

  #headers(flags: number, id: number, payload: Buffer): void {
    let block = withoutPadding(flags, payload);
    if ((flags & frameFlag.priority) !== 0) {
      if (block.length < 5) throw new Http2Error(http2Code.frameSize, 'headers that are cut off');
      block = block.subarray(5);
    }
    if (id % 2 === 0) throw new Http2Error(http2Code.protocol, 'headers of a stream that cannot be');
    this.#block = { stream: id, endStream: (flags & frameFlag.endStream) !== 0, parts: [], bytes: 0 };
    this.#continue(flags, block);
  }

  #continue(flags: number, payload: Buffer): void {
    const block = this.#block;
    if (block === undefined) throw new Http2Error(http2Code.protocol, 'a continuation of nothing');
    block.bytes += payload.length;
    const frames = block.parts.length;
    if (block.bytes > this.#options.headerLimits.listBytes || frames > spareHeaderFrames + block.bytes / 1024)
      throw new Http2Error(http2Code.enhanceYourCalm, 'too many headers');
    const isLast = (flags & frameFlag.endHeaders) !== 0;
    if (isLast && frames === 0) {
      this.#block = undefined;
      this.#take(block, payload);
      return;
    }
    // The view is valid during this call only.
    block.parts.push(Buffer.from(payload));
    if (!isLast) return;
    this.#block = undefined;
    this.#take(block, Buffer.concat(block.parts));
  }

  #take({ stream: id, endStream }: HeaderBlock, encoded: Buffer): void {
    // Also what is not wanted has to be decoded: later headers refer to it.
    const fields = this.#decoder.decode(encoded);
    const known = this.#streams.get(id);
    if (known !== undefined) {
      if (known.peerEnded) throw new Http2Error(http2Code.streamClosed, 'headers behind the end of a stream');
      // Trailers, which gRPC clients do not send, say nothing of interest.
      if (!endStream) throw new Http2Error(http2Code.protocol, 'trailers that do not end a stream');
      this.#peerEnds(known);
      return;
    }
    // Of a stream that was reset from here.
    if (id <= this.#lastStream) return;
    this.#lastStream = id;
    if (this.#streams.size >= this.#options.maxStreams) {
      this.#countReset();
      this.#answer(numberFrame(frameType.reset, id, http2Code.refusedStream));
      return;
    }
    const { windowBytes } = this.#options;
    const stream = new Stream(id, this, this.#peerWindowBytes, windowBytes);
    this.#streams.set(id, stream);
    stream.receiver = this.#options.accept(stream, fields);
    if (endStream && !stream.isOver) this.#peerEnds(stream);
  }

  #settings(flags: number, id: number, payload: Buffer): void {
    if (id !== 0) throw new Http2Error(http2Code.protocol, 'settings of a stream');
    if ((flags & frameFlag.ack) !== 0) {
      if (payload.length > 0)
        throw new Http2Error(http2Code.frameSize, 'an answer to settings that is not empty');
      if (!this.#hasSettings) throw new Http2Error(http2Code.protocol, 'something before the settings');
      return;
    }
    if (payload.length % 6 !== 0) throw new Http2Error(http2Code.frameSize, 'settings that are cut off');
    for (let at = 0; at < payload.length; at += 6)
      this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    this.#answer(smallFrame(frameType.settings, frameFlag.ack, 0, Buffer.alloc(0)));
    this.#hasSettings = true;
  }

  #set(id: number, value: number): void {
    if (id === setting.initialWindowSize) {
      if (value > 2 ** 31 - 1) throw new Http2Error(http2Code.flowControl, 'a window that is too large');
      for (const stream of this.#streams.values()) {
        stream.sendWindow.add(value - this.#peerWindowBytes);
        this.wants(stream);
      }
      this.#peerWindowBytes = value;
    } else if (id === setting.maxFrameSize) {
      if (value < defaultFrameBytes || value > 0xffffff)
        throw new Http2Error(http2Code.protocol, 'a size of frames that may not be');
      this.#peerFrameBytes = Math.min(value, maxSentFrameBytes);
    } else if (id === setting.enablePush && value > 1)
      throw new Http2Error(http2Code.protocol, 'a setting that may not be');
  }

  #windowUpdate(id: number, bytes: number): void {
    if (bytes === 0) throw new Http2Error(http2Code.protocol, 'a window that does not grow');
    if (id === 0) {
      this.#sendWindow.add(bytes);
      for (const stream of this.#streams.values()) this.wants(stream);
      return;
    }
    const stream = this.#known(id);
    if (stream === undefined) return;
    stream.sendWindow.add(bytes);
    this.wants(stream);
  }

  #countReset(): void {
    const now = performance.now();
    this.#resets = Math.max(0, this.#resets - ((now - this.#resetsSince) / 1000) * resetsPerSecond) + 1;
    this.#resetsSince = now;
    if (this.#resets > resetsAtOnce) throw new Http2Error(http2Code.enhanceYourCalm, 'too many resets');
  }

  // What is sent.

  /** A peer that asks without end, and does not take the answers, is given up. */
  #answer(frame: Buffer): void {
    this.#send(frame);
    if (this.#given > this.#left && ++this.#answers > maxUntakenAnswers)
      throw new Http2Error(http2Code.enhanceYourCalm, 'too many questions');
  }

  #send(frame: Uint8Array): void {
    this.#out.push(frame);
    this.#outBytes += frame.length;
  }

  /** Sends frames that are not data. */
  control(frames: readonly Buffer[]): void {
    if (this.#over) return;
    for (const frame of frames) this.#send(frame);
    this.#pump();
  }

  headerFrames(id: number, fields: readonly Field[], endStream: boolean): Buffer[] {
    return headerFrames(id, encodeHeaders(fields), endStream, this.#peerFrameBytes);
  }

  /** Gives a stream its turn when there is one. */
  wants(stream: Stream): void {
    if (stream.isReady || !stream.wantsToSend()) return;
    stream.isReady = true;
    this.#ready.push(stream);
  }

  pump(): void {
    this.#pump();
  }

  /** True when the transport has come so far. */
  hasLeft(mark: number): boolean {
    return this.#over || mark <= this.#left;
  }

  /** Wakes the stream when all that it has written has left. */
  await(stream: Stream): void {
    this.#waiting.push(stream);
  }

  #used(bytes: number): void {
    const told = this.#receiveWindow.use(bytes);
    if (told > 0) this.#send(numberFrame(frameType.windowUpdate, 0, told));
  }

  used(stream: Stream, bytes: number): void {
    if (this.#over) return;
    this.#used(bytes);
    const told = stream.isOver || stream.peerEnded ? 0 : stream.receiveWindow.use(bytes);
    if (told > 0) this.#send(numberFrame(frameType.windowUpdate, stream.id, told));
    if (this.#outBytes > 0) this.#pump();
  }

  /** Forgets a stream when both sides have ended it. */
  finish(stream: Stream): void {
    if (stream.peerEnded && stream.hasEnded) stream.over(undefined, true);
  }

  forget(stream: Stream): void {
    this.#streams.delete(stream.id);
    if (stream.unused > 0) this.#used(stream.unused);
    stream.unused = 0;
  }

  #pump(): void {
    // What leaves at once may call back from within.
    if (this.#isPumping || this.#over) return;
    this.#isPumping = true;
    while (
      !this.#over &&
      this.#ready.length > 0 &&
      this.#sendWindow.bytes > 0 &&
      this.#given - this.#left < transportBytes
    ) {
      const stream = this.#ready.shift()!;
      stream.isReady = false;
      if (stream.isOver) continue;
      this.#turn(stream);
      this.wants(stream);
      this.#flush();
    }
    // The end of a stream needs no window.
    if (this.#ready.length > 0 && this.#sendWindow.bytes <= 0)
      for (const stream of this.#ready) this.#endIfDone(stream);
    this.#flush();
    this.#isPumping = false;
    this.#wakeWaiting();
  }

  #turn(stream: Stream): void {
    let turn = turnBytes;
    while (turn > 0) {
      const window = Math.min(stream.sendWindow.bytes, this.#sendWindow.bytes);
      const length = Math.min(window, stream.queued, this.#peerFrameBytes);
      if (length <= 0) break;
      this.#out.push(frameHead(frameType.data, 0, stream.id, length));
      stream.takeInto(this.#out, length);
      stream.sendWindow.bytes -= length;
      this.#sendWindow.bytes -= length;
      this.#outBytes += 9 + length;
      turn -= length;
    }
    this.#endIfDone(stream);
    stream.mark = this.#given + this.#outBytes;
  }

  #endIfDone(stream: Stream): void {
    const { ending } = stream;
    if (ending === undefined || stream.queued > 0 || stream.hasEnded || stream.isOver) return;
    stream.hasEnded = true;
    if (ending === 'plain') this.#send(frameHead(frameType.data, frameFlag.endStream, stream.id, 0));
    else for (const frame of this.headerFrames(stream.id, ending, true)) this.#send(frame);
    this.finish(stream);
  }

  #flush(): void {
    const bytes = this.#outBytes;
    if (bytes === 0) return;
    const parts = this.#out;
    this.#out = [];
    this.#outBytes = 0;
    this.#given += bytes;
    this.#transport.write(parts, () => {
      this.#left += bytes;
      if (this.#left === this.#given) this.#answers = 0;
      if (!this.#isPumping) this.#pump();
    });
  }

  #wakeWaiting(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const stream of waiting) if (!stream.wakeIfLeft()) this.#waiting.push(stream);
  }
}

class Stream implements Http2Stream {
  readonly id: number;
  readonly sendWindow: SendWindow;
  readonly receiveWindow: ReceiveWindow;
  receiver: StreamReceiver | undefined;
  /** Data that came and is not used. */
  unused = 0;
  /** What of the frame that is coming was not data yet. */
  frameLeft = 0;
  peerEnded = false;
  hasEnded = false;
  isOver = false;
  isReady = false;
  ending: readonly Field[] | 'plain' | undefined;
  queued = 0;
  /** How far the transport has to be for all of this stream's data to have left. */
  mark = 0;
  readonly #connection: Connection;
  #queue: Uint8Array[] = [];
  /** Where the queue begins, and where in its first part. */
  #first = 0;
  #at = 0;
  #wakes: (() => void)[] = [];

  constructor(id: number, connection: Connection, sendBytes: number, receiveBytes: number) {
    this.id = id;
    this.#connection = connection;
    this.sendWindow = new SendWindow(sendBytes);
    this.receiveWindow = new ReceiveWindow(receiveBytes);
  }

  respond(fields: readonly Field[]): void {
    if (!this.isOver) this.#connection.control(this.#connection.headerFrames(this.id, fields, false));
  }

  write(parts: readonly Uint8Array[]): boolean {
    if (this.isOver || this.ending !== undefined) return true;
    for (const part of parts) {
      if (part.length === 0) continue;
      this.#queue.push(part);
      this.queued += part.length;
    }
    this.#connection.wants(this);
    this.#connection.pump();
    return this.hasLeft();
  }

  hasLeft(): boolean {
    return this.isOver || (this.queued === 0 && this.#connection.hasLeft(this.mark));
  }

  onceLeft(call: () => void): void {
    this.#wakes.push(call);
    if (this.#wakes.length === 1) this.#connection.await(this);
  }

  wakeIfLeft(): boolean {
    if (!this.hasLeft()) return false;
    const wakes = this.#wakes;
    this.#wakes = [];
    for (const wake of wakes) wake();
    return true;
  }

  end(trailers?: readonly Field[]): void {
    if (this.isOver || this.ending !== undefined) return;
    this.ending = trailers ?? 'plain';
    this.#connection.wants(this);
    this.#connection.pump();
  }

  reset(code: number): void {
    if (this.isOver) return;
    this.over(code, false);
    this.#connection.control([numberFrame(frameType.reset, this.id, code)]);
  }

  used(bytes: number): void {
    const counted = Math.min(bytes, this.unused);
    this.unused -= counted;
    if (counted > 0) this.#connection.used(this, counted);
  }

  wantsToSend(): boolean {
    if (this.isOver || this.hasEnded) return false;
    return this.queued > 0 ? this.sendWindow.bytes > 0 : this.ending !== undefined;
  }

  /** Moves so many bytes of the queue. */
  takeInto(out: Uint8Array[], length: number): void {
    let left = length;
    while (left > 0) {
      const part = this.#queue[this.#first]!;
      const bytes = Math.min(left, part.length - this.#at);
      out.push(bytes === part.length ? part : part.subarray(this.#at, this.#at + bytes));
      this.#at += bytes;
      left -= bytes;
      if (this.#at < part.length) continue;
      this.#at = 0;
      if (++this.#first < this.#queue.length) continue;
      this.#queue = [];
      this.#first = 0;
    }
    this.queued -= length;
  }

  /** The stream has ended: in good order, or by a reset (`code`), or with the connection. */
  over(code: number | undefined, inOrder: boolean): void {
    if (this.isOver) return;
    this.isOver = true;
    if (!inOrder) {
      this.#queue = [];
      this.queued = 0;
    }
    this.#connection.forget(this);
    this.receiver?.closed(code);
    const wakes = this.#wakes;
    this.#wakes = [];
    for (const wake of wakes) wake();
  }
}

function number32(payload: Buffer): number {
  if (payload.length !== 4) throw new Http2Error(http2Code.frameSize, 'a number of another length');
  return payload.readUInt32BE(0);
}
