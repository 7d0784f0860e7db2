import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { ByteSource } from '@melange2/apk';
import { writeFailed } from './errors.ts';

/** Smaller pieces are read at once: for a few kilobytes a thread costs more than the read. */
const smallBytes = 64 * 1024;
const bufferBytes = 256 * 1024;

/**
 * A temporary file that contents are appended to and read back from, so that packages of any size take
 * little memory. It has no name in the folder any more once it is open, where the system allows that.
 */
export class SpoolFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  /** What was appended last and is not written yet; one buffer, so that a long stream leaves no garbage. */
  readonly #buffer: Buffer = Buffer.allocUnsafe(bufferBytes);
  #pendingBytes = 0;
  #written = 0;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  static async create(path: string): Promise<SpoolFile> {
    try {
      // Opened and named away at once: nothing is left behind, however the process ends.
      closeSync(openSync(path, 'wx', 0o600));
      const handle = await open(path, 'r+');
      unlinkSync(path);
      return new SpoolFile(path, handle);
    } catch (cause) {
      throw writeFailed(path, cause);
    }
  }

  /** Bytes appended so far: where the next piece will begin. */
  get size(): number {
    return this.#written + this.#pendingBytes;
  }

  /** Appends a copy of a piece; waits only when enough has gathered for a write. */
  append(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#pendingBytes + chunk.length > bufferBytes) return this.#appendAcross(chunk);
    this.#buffer.set(chunk, this.#pendingBytes);
    this.#pendingBytes += chunk.length;
    return undefined;
  }

  /** Writes what has gathered; needed before anything is read. */
  async flush(): Promise<void> {
    await this.#writeAll(this.#buffer.subarray(0, this.#pendingBytes));
    this.#pendingBytes = 0;
  }

  async #appendAcross(chunk: Uint8Array): Promise<void> {
    await this.flush();
    if (chunk.length >= bufferBytes) await this.#writeAll(chunk);
    else void this.append(chunk);
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) {
        const left = bytes.length - at;
        const count =
          left <= smallBytes
            ? writeSync(this.#handle.fd, bytes, at, left, this.#written)
            : (await this.#handle.write(bytes, at, left, this.#written)).bytesWritten;
        at += count;
        this.#written += count;
      }
    } catch (cause) {
      throw writeFailed(this.#path, cause);
    }
  }

  /** A part of the file as a source of its own. */
  range(offset: number, size: number): ByteSource {
    return { size, read: (at, length) => this.#read(offset + at, length) };
  }

  /** Everything that was appended, in order. */
  async *chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < this.size; at += bufferBytes) {
      yield await this.#read(at, Math.min(bufferBytes, this.size - at));
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    if (this.#pendingBytes > 0) await this.flush();
    const bytes = Buffer.allocUnsafe(length);
    for (let filled = 0; filled < length;) {
      const left = length - filled;
      const count =
        left <= smallBytes
          ? readSync(this.#handle.fd, bytes, filled, left, offset + filled)
          : (await this.#handle.read(bytes, filled, left, offset + filled)).bytesRead;
      if (count === 0) throw new Error(`the spool ${this.#path} is shorter than what was written`);
      filled += count;
    }
    return bytes;
  }
}
