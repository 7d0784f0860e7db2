import { closeSync, fstatSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { buildError, isBuildError } from '@melange2/diagnostics';
import { grpcCode } from '../../grpc/grpc-error.ts';
import { sessionErrors } from '../errors.ts';
import { messagesOf, type ServerCall } from '../server-call.ts';
import { StatusError } from '../status-error.ts';
import { timeOfBytes } from './content-time.ts';
import { changed, timeOfFile, type ContentTimes } from './content-times.ts';
import { isRegular } from './go-mode.ts';
import type { HeldContent } from './held-contents.ts';
import { PacketBuffer, packetType, readPacket } from './packet.ts';
import { readFully } from './read-fully.ts';
import { sameIdentity, type EntryContent, type FileIdentity, type TreeEntry } from './tree-entry.ts';
import { unreadable } from './walk-folder.ts';

/** How much was sent of a tree. */
export interface SendCounts {
  /** Files, folders and links that were listed. */
  entries: number;
  /** Files whose content the daemon did not have. */
  files: number;
  bytes: number;
}

/** Files up to this size are read at once and share a write with others. */
const smallBytes = 256 << 10;
const chunkBytes = 1 << 20;
const statBatchBytes = 64 << 10;
/** So much may be read and hashed before the session gets a turn to answer others. */
const turnBytes = 2 << 20;
/**
 * Listing waits while so much is requested and not sent: contents that were read for their times are then still in
 * memory when they are sent.
 */
const backlogBytes = 4 << 20;

/**
 * Sends a tree to a daemon that asks for what it lacks of it: lists all entries, serves requests while it lists, and
 * ends when the daemon has said that it is done.
 *
 * @param times makes the times of entries with content, unless they have one of their own.
 * @throws {BuildError} SESSION_FILE_UNREADABLE, SESSION_FILE_CHANGED, SESSION_NAME_INVALID, SESSION_PEER_INVALID
 */
export async function sendTree(
  call: ServerCall,
  entries: Iterable<TreeEntry>,
  times: ContentTimes | undefined,
  counts: SendCounts = { entries: 0, files: 0, bytes: 0 },
): Promise<void> {
  const sender = new TreeSender(call, times, counts);
  try {
    await sender.run(entries);
  } catch (cause) {
    sender.tell(cause);
    throw cause;
  }
}

class TreeSender {
  readonly #call: ServerCall;
  readonly #times: ContentTimes | undefined;
  readonly #counts: SendCounts;
  /** Of every entry, as the daemon asks for them by number; taken out when it has asked. */
  readonly #contents: (EntryContent | undefined)[] = [];
  #requests: EntryContent[] = [];
  #requestIds: number[] = [];
  #listed = false;
  #finished = false;
  #stopped = false;
  #wake: (() => void) | undefined;
  #requestedBytes = 0;
  #batch: FileBatch | undefined;
  #wakeList: (() => void) | undefined;

  constructor(call: ServerCall, times: ContentTimes | undefined, counts: SendCounts) {
    this.#call = call;
    this.#times = times;
    this.#counts = counts;
  }

  async run(entries: Iterable<TreeEntry>): Promise<void> {
    try {
      // The first failure ends all three; what still waits for the daemon then finds that it may not write any more.
      await Promise.all([this.#list(entries), this.#serve(), this.#listen()]);
    } finally {
      this.#stopped = true;
      this.#wake?.();
      this.#wakeList?.();
    }
    const fin = new PacketBuffer(32);
    fin.fin();
    this.#call.write([fin.take()]);
  }

  /** Tells the daemon why the tree ends here. */
  tell(cause: unknown): void {
    if (this.#call.signal.aborted) return;
    const packet = new PacketBuffer(256);
    packet.error(cause instanceof Error ? cause.message : String(cause));
    try {
      this.#call.write([packet.take()]);
    } catch {
      // The daemon is gone; there is nobody to tell.
    }
  }

  /** Resolves when what was written has left, so that its memory is free. */
  async #write(parts: readonly Uint8Array[]): Promise<void> {
    if (this.#stopped) throw new StatusError(grpcCode.aborted, 'The transfer was given up.');
    if (!this.#call.write(parts)) await this.#call.drained();
  }

  /** Writes what was collected and empties the buffer. New memory for each write would keep the collector busy. */
  async #flush(batch: PacketBuffer): Promise<void> {
    if (batch.length === 0) return;
    await this.#write([batch.view()]);
    batch.length = 0;
  }

  async #list(entries: Iterable<TreeEntry>): Promise<void> {
    const batch = new PacketBuffer(statBatchBytes + 8192);
    const linkTimes = new Map<string, bigint>();
    let readBytes = 0;
    const flush = async (): Promise<void> => {
      readBytes = 0;
      await this.#flush(batch);
      await nextTurn();
      while (this.#requestedBytes > backlogBytes && !this.#stopped) {
        await new Promise<void>((resolve) => {
          this.#wakeList = resolve;
        });
        this.#wakeList = undefined;
      }
    };
    for await (const group of this.#times?.groups(entries) ?? [entries]) {
      for (const entry of group) {
        if (this.#stopped) return;
        let { modTime } = entry;
        if (this.#times !== undefined && modTime === 0n && isRegular(entry.mode)) {
          if (entry.content !== undefined) {
            readBytes += entry.size;
            try {
              const time = this.#times.of(entry);
              modTime = typeof time === 'bigint' ? time : await time;
            } catch (cause) {
              if (hasVanished(cause)) continue;
              throw cause;
            }
            entry.content.listedTime = modTime;
            if (entry.content.moreNames === true) linkTimes.set(entry.path, modTime);
          } else modTime = linkTimes.get(entry.linkname) ?? 0n;
        }
        batch.stat(entry, modTime);
        this.#contents.push(entry.content);
        this.#counts.entries++;
        if (batch.length >= statBatchBytes || readBytes >= turnBytes) await flush();
      }
    }
    batch.endOfStats();
    // The daemon may answer before the session comes back here.
    this.#listed = true;
    await flush();
  }

  async #listen(): Promise<void> {
    const next = messagesOf(this.#call);
    for (;;) {
      const messages = await next();
      if (this.#stopped) return;
      if (messages === undefined)
        throw new StatusError(grpcCode.canceled, 'The daemon has ended the transfer before it was done.');
      for (const message of messages) {
        const packet = readIncoming(message);
        switch (packet.type) {
          case packetType.request: {
            const content = this.#contents[packet.id];
            if (content === undefined)
              throw buildError(sessionErrors, 'SESSION_PEER_INVALID', {
                what: `asked for file number ${packet.id}, which is not one it may ask for`,
              });
            this.#contents[packet.id] = undefined;
            this.#requests.push(content);
            this.#requestIds.push(packet.id);
            this.#requestedBytes += sizeOf(content);
            this.#wake?.();
            break;
          }
          case packetType.error:
            throw new StatusError(
              grpcCode.aborted,
              `The daemon gave the transfer up: ${packet.data?.toString('utf8') ?? ''}`,
            );
          case packetType.fin:
            if (!this.#listed)
              throw buildError(sessionErrors, 'SESSION_PEER_INVALID', {
                what: 'ended the transfer before it had the list of files',
              });
            this.#finished = true;
            this.#wake?.();
            return;
          default:
            throw buildError(sessionErrors, 'SESSION_PEER_INVALID', {
              what: `sent a packet of type ${packet.type}, which a receiver does not send`,
            });
        }
      }
    }
  }

  async #serve(): Promise<void> {
    for (;;) {
      while (this.#requests.length === 0) {
        if (this.#finished || this.#stopped) return;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
      const contents = this.#requests;
      const ids = this.#requestIds;
      this.#requests = [];
      this.#requestIds = [];
      await this.#sendAll(contents, ids);
    }
  }

  async #sendAll(contents: readonly EntryContent[], ids: readonly number[]): Promise<void> {
    const batch = (this.#batch ??= new FileBatch());
    for (let i = 0; i < contents.length; i++) {
      if (this.#stopped) return;
      const content = contents[i]!;
      const id = ids[i]!;
      const size = sizeOf(content);
      if (size <= smallBytes) {
        if (!batch.hasRoom(size)) await this.#flushFiles(batch);
        batch.add(id, content, size, this.#times?.held(content));
      } else {
        await this.#flushFiles(batch);
        await this.#sendLarge(id, content, size);
      }
      this.#counts.files++;
      this.#counts.bytes += size;
      this.#requestedBytes -= size;
      if (this.#requestedBytes <= backlogBytes) this.#wakeList?.();
    }
    await this.#flushFiles(batch);
  }

  async #flushFiles(batch: FileBatch): Promise<void> {
    const parts = batch.parts();
    if (parts.length > 0) await this.#write(parts);
    batch.clear();
  }

  async #sendLarge(id: number, { source, seen, listedTime }: EntryContent, size: number): Promise<void> {
    if (source.kind === 'bytes') {
      for (let at = 0; at < size && !this.#stopped; at += chunkBytes)
        await this.#sendChunk(id, source.bytes.subarray(at, at + chunkBytes));
      await this.#sendChunk(id, undefined);
      return;
    }
    const handle = await open(source.path, 'r').catch((cause: unknown) => {
      throw unreadable(source.path, cause);
    });
    try {
      const start = source.offset ?? 0;
      const free: Buffer[] = [];
      const read = (at: number): Promise<{ bytesRead: number; buffer: Buffer }> => {
        const buffer = free.pop() ?? Buffer.allocUnsafeSlow(Math.min(chunkBytes, size));
        return handle.read(buffer, 0, Math.min(chunkBytes, size - at), start + at);
      };
      let at = 0;
      let pending = read(0);
      while (at < size && !this.#stopped) {
        const { bytesRead, buffer } = await pending;
        if (bytesRead === 0) throw changed(source.path);
        at += bytesRead;
        if (at < size) {
          pending = read(at);
          pending.catch(() => {});
        }
        await this.#sendChunk(id, buffer.subarray(0, bytesRead));
        free.push(buffer);
      }
      await pending.catch(() => {});
      // A file that was only appended to still has the content that was listed.
      if (listedTime !== undefined && seen !== undefined && !sameIdentity(await handle.stat(), seen)) {
        if ((await timeOfFile(handle, source)) !== listedTime) throw changed(source.path);
      }
    } finally {
      await handle.close();
    }
    await this.#sendChunk(id, undefined);
  }

  /** `undefined` is the end of the file. Resolves when the memory of the chunk is free again. */
  async #sendChunk(id: number, chunk: Uint8Array | undefined): Promise<void> {
    const header = new PacketBuffer(32);
    header.dataHeaderFor(id, chunk?.length ?? 0);
    await this.#write(chunk === undefined ? [header.view()] : [header.view(), chunk]);
  }
}

function sizeOf({ source }: EntryContent): number {
  return source.kind === 'bytes' ? source.bytes.length : source.sizeBytes;
}

/** Whole small files that are one write. Contents that are in memory stay where they are. */
class FileBatch {
  readonly #packets = new PacketBuffer(chunkBytes + 4096);
  readonly #parts: Uint8Array[] = [];
  readonly #held: HeldContent[] = [];
  /** What of the packets is among the parts. */
  #cut = 0;
  #bytes = 0;

  hasRoom(size: number): boolean {
    return this.#bytes === 0 || this.#bytes + size + 64 <= chunkBytes;
  }

  add(id: number, content: EntryContent, size: number, held: HeldContent | undefined): void {
    const packets = this.#packets;
    const before = packets.length;
    if (size > 0) {
      const bytes = content.source.kind === 'bytes' ? content.source.bytes : held?.bytes;
      if (held !== undefined) this.#held.push(held);
      if (bytes === undefined) {
        packets.dataHeader(id, size);
        readSmall(packets.bytes, packets.length, content, size);
        packets.length += size;
      } else {
        packets.reserve(64);
        packets.dataHeaderFor(id, size);
        this.#endPart();
        this.#parts.push(bytes);
        this.#bytes += size;
      }
    }
    packets.dataHeader(id, 0);
    this.#bytes += packets.length - before;
  }

  parts(): readonly Uint8Array[] {
    this.#endPart();
    return this.#parts;
  }

  /** Begins anew, when everything has left. */
  clear(): void {
    for (const held of this.#held.splice(0)) held.release();
    this.#parts.length = 0;
    this.#packets.length = 0;
    this.#cut = 0;
    this.#bytes = 0;
  }

  #endPart(): void {
    const { bytes, length } = this.#packets;
    if (length > this.#cut) this.#parts.push(bytes.subarray(this.#cut, length));
    this.#cut = length;
  }
}

/** Reads a whole file to where it will be sent from. */
function readSmall(to: Buffer, at: number, { source, seen, listedTime }: EntryContent, size: number): void {
  if (source.kind !== 'file') throw new Error('Only files are read.');
  let fd: number;
  try {
    fd = openSync(source.path, 'r');
  } catch (cause) {
    throw unreadable(source.path, cause);
  }
  try {
    const done = readFully(fd, to, at, size, source.offset ?? 0);
    if (done !== size) throw changed(source.path);
    const sent = to.subarray(at, at + size);
    if (listedTime !== undefined && !isAsSeen(fd, seen) && timeOfBytes(sent) !== listedTime)
      throw changed(source.path);
  } finally {
    closeSync(fd);
  }
}

function isAsSeen(fd: number, seen: FileIdentity | undefined): boolean {
  return seen === undefined || sameIdentity(fstatSync(fd), seen);
}

/** A file that is not there any more is not part of the tree. */
function hasVanished(cause: unknown): boolean {
  return (
    isBuildError(cause) &&
    cause.cause instanceof Error &&
    'code' in cause.cause &&
    cause.cause.code === 'ENOENT'
  );
}

function readIncoming(message: Buffer): ReturnType<typeof readPacket> {
  try {
    return readPacket(message);
  } catch (cause) {
    throw buildError(
      sessionErrors,
      'SESSION_PEER_INVALID',
      { what: 'sent a packet that cannot be read' },
      { cause },
    );
  }
}
