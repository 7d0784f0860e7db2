import { Http2Error, http2Code } from './errors.ts';

/** What one side may send before it is told more, where nothing else was agreed on. */
export const defaultWindowBytes = 65_535;
const maxWindowBytes = 2 ** 31 - 1;

/** What may be sent. It can fall below zero when the peer takes back what it has given. */
export class SendWindow {
  bytes: number;

  constructor(bytes: number) {
    this.bytes = bytes;
  }

  /** @throws {Http2Error} when it becomes larger than windows may be. */
  add(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes > maxWindowBytes)
      throw new Http2Error(http2Code.flowControl, 'a window that is too large');
  }
}

/** What the peer may send: it gets back what was used, in large parts. */
export class ReceiveWindow {
  readonly #size: number;
  #left: number;
  #used = 0;

  constructor(size: number) {
    this.#size = size;
    this.#left = size;
  }

  /** Counts what comes. @throws {Http2Error} when it is more than the peer may send. */
  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw new Http2Error(http2Code.flowControl, 'more data than was asked for');
  }

  /** Counts what is used up; returns what the peer has to be told now, most often 0. */
  use(bytes: number): number {
    this.#used += bytes;
    if (this.#used < this.#size / 4) return 0;
    const told = this.#used;
    this.#used = 0;
    this.#left += told;
    return told;
  }
}
