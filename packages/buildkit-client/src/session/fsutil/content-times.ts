import { createHash, hash } from 'node:crypto';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { buildError } from '@melange2/diagnostics';
import type { BlobSource } from '../../session-contract.ts';
import { sessionErrors } from '../errors.ts';
import type { ContentReader, ContentReaders } from './content-reader.ts';
import { timeOfBytes, timeOfDigest } from './content-time.ts';
import { HeldContents, slabBytes, type HeldContent } from './held-contents.ts';
import { readFully } from './read-fully.ts';
import { sameIdentity, type EntryContent, type FileIdentity, type TreeEntry } from './tree-entry.ts';
import { unreadable } from './walk-folder.ts';

/**
 * Times made from the content of files: equal content, equal time, wherever and whenever it was written.
 *
 * The daemon takes a file for unchanged when size and time are what it has. With these times that is never wrong, and
 * a fresh checkout of the same content is not sent again.
 */
export interface ContentTimes {
  /**
   * Hands the entries on in groups, in their order. Of a tree with many small files that have to be read, another
   * thread reads some groups ahead.
   */
  readonly groups: (entries: Iterable<TreeEntry>) => AsyncIterable<readonly TreeEntry[]>;
  /** The time of an entry with content, at once when it is known or quickly had. */
  readonly of: (entry: TreeEntry) => bigint | Promise<bigint>;
  /** Returns the content if it was read lately and is still here. It has to be released. */
  readonly held: (content: EntryContent) => HeldContent | undefined;
  /** Keeps what was found for the next session. Never fails: the times can be made again. */
  readonly save: () => Promise<void>;
}

/** Larger files are read in pieces, without holding up the session. */
const largeBytes = 256 << 10;
const chunkBytes = 1 << 20;
/**
 * A file that was written so shortly before it was read may be written again without its times telling: the clock of
 * file systems is coarse.
 */
const settledMs = 2000;
/** So much is read here before another thread is worth its start. */
const aloneBytes = 4 << 20;
/** Groups that wait for being handed on; fewer than contents are held. */
const groupsAhead = 3;
/** Groups that the other thread has to do: when it is behind, the next is read here. */
const groupsThere = 2;
const groupEntries = 256;

/** What the other thread has found of a file. */
interface Found {
  readonly time: bigint;
  readonly look: FileIdentity;
}

/**
 * Makes the times of the files of one tree.
 *
 * @param key what the memory is kept under: the folder and what it is read as.
 * @param cacheDir where the memory is kept; without it every file is read each time.
 */
export async function contentTimes(
  key: string,
  cacheDir: string | undefined,
  readers: ContentReaders,
): Promise<ContentTimes> {
  const file =
    cacheDir === undefined
      ? undefined
      : join(cacheDir, 'content-times', `${hash('sha256', key).slice(0, 32)}.v8`);
  const known = file === undefined ? undefined : await readMemory(file);
  const memory = file === undefined ? undefined : new Memory();
  const held = new HeldContents();
  /** Of the entries that were handed on last, and are not told yet. */
  const found = new Map<EntryContent, Found>();

  const isUnread = ({ path, content, modTime }: TreeEntry): boolean => {
    if (content === undefined || modTime !== 0n) return false;
    const { source, seen } = content;
    if (seen !== undefined) content.listedTime = known?.find(path, seen);
    return content.listedTime === undefined && isSmallFile(source);
  };

  return {
    groups: (entries) => readAhead(entries, held, found, isUnread, readers),
    of(entry) {
      const { source, seen } = entry.content!;
      const ahead = found.get(entry.content!);
      if (ahead !== undefined) {
        found.delete(entry.content!);
        if (seen !== undefined && sameIdentity(ahead.look, seen)) memory?.add(entry.path, seen, ahead.time);
        return ahead.time;
      }
      const { listedTime } = entry.content!;
      if (listedTime !== undefined) {
        if (seen !== undefined) memory?.add(entry.path, seen, listedTime);
        return listedTime;
      }
      if (source.kind === 'bytes') return timeOfBytes(source.bytes);
      if (source.sizeBytes === 0) return emptyTime;
      if (source.sizeBytes > largeBytes) return largeTime(entry, memory);
      const bytes = held.room(source.sizeBytes);
      const read = smallTime(source, seen, bytes);
      held.keep(entry.content!, bytes);
      if (seen !== undefined && read.settled) memory?.add(entry.path, seen, read.time);
      return read.time;
    },
    held: (content) => held.take(content),
    async save() {
      if (file === undefined || memory === undefined || (known !== undefined && known.equals(memory))) return;
      try {
        await writeMemory(file, memory);
      } catch {
        // A full or read-only disk costs only that files are read again.
      }
    },
  };
}

/** Files that are read at once for their time. */
function isSmallFile(source: BlobSource): boolean {
  return source.kind === 'file' && source.sizeBytes > 0 && source.sizeBytes <= largeBytes;
}

interface Group {
  readonly entries: readonly TreeEntry[];
  /** Those whose contents are read. */
  readonly unread: readonly TreeEntry[];
}

async function* readAhead(
  entries: Iterable<TreeEntry>,
  held: HeldContents,
  found: Map<EntryContent, Found>,
  isUnread: (entry: TreeEntry) => boolean,
  readers: ContentReaders,
): AsyncGenerator<readonly TreeEntry[], void> {
  let reader: ContentReader | undefined;
  let unreadBytes = 0;
  const queue: { readonly group: Group; readonly read: Promise<void> | undefined }[] = [];
  try {
    for (const group of groupsOf(entries, isUnread)) {
      for (const { size } of group.unread) unreadBytes += size;
      if (reader === undefined && unreadBytes > aloneBytes && availableParallelism() > 1)
        reader = readers.take();
      const takes = reader?.ready() === true && reader.waiting() < groupsThere && group.unread.length > 0;
      const read = takes ? readGroup(reader!, group, held, found) : undefined;
      queue.push({ group, read });
      if (reader?.ready() === true && queue.length <= groupsAhead) continue;
      const [next] = queue.splice(0, 1);
      await next!.read;
      yield next!.group.entries;
    }
    for (const { group, read } of queue) {
      await read;
      yield group.entries;
    }
  } finally {
    if (reader !== undefined) readers.giveBack(reader);
  }
}

function* groupsOf(entries: Iterable<TreeEntry>, isUnread: (entry: TreeEntry) => boolean): Generator<Group> {
  let group: TreeEntry[] = [];
  let unread: TreeEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = isUnread(entry) ? entry.size : 0;
    if (group.length === groupEntries || bytes + size > slabBytes) {
      yield { entries: group, unread };
      group = [];
      unread = [];
      bytes = 0;
    }
    group.push(entry);
    if (size > 0) unread.push(entry);
    bytes += size;
  }
  if (group.length > 0) yield { entries: group, unread };
}

async function readGroup(
  reader: ContentReader,
  { unread }: Group,
  held: HeldContents,
  found: Map<EntryContent, Found>,
): Promise<void> {
  const memory = held.slab();
  let end = 0;
  const files = unread.map(({ content }) => {
    const { path, offset = 0, sizeBytes } = content!.source as FileSource;
    const at = end;
    end += sizeBytes;
    return { path, offset, sizeBytes, at };
  });
  const results = await reader.read(memory, files);
  if (results === undefined) return;
  for (const [i, { content }] of unread.entries()) {
    if (results.whole[i] !== 1) continue;
    const [size, mtimeMs, ctimeMs, ino] = results.looks.subarray(i * 4, i * 4 + 4) as unknown as number[];
    const look = { size: size!, mtimeMs: mtimeMs!, ctimeMs: ctimeMs!, ino: ino! };
    found.set(content!, { time: results.times[i]!, look });
    held.keepIn(memory, content!, files[i]!.at, files[i]!.sizeBytes);
  }
}

type FileSource = Extract<BlobSource, { kind: 'file' }>;

/** `settled` is false when the file was written to meanwhile; the time is that of the bytes which were read. */
function smallTime(
  source: FileSource,
  seen: FileIdentity | undefined,
  bytes: Buffer,
): { readonly time: bigint; readonly settled: boolean } {
  let fd: number;
  try {
    fd = openSync(source.path, 'r');
  } catch (cause) {
    throw unreadable(source.path, cause);
  }
  try {
    const length = readFully(fd, bytes, 0, source.sizeBytes, source.offset ?? 0);
    if (length !== source.sizeBytes) throw changed(source.path);
    const settled = seen === undefined || sameIdentity(fstatSync(fd), seen);
    return { time: timeOfBytes(bytes), settled };
  } finally {
    closeSync(fd);
  }
}

async function largeTime(entry: TreeEntry, memory: Memory | undefined): Promise<bigint> {
  const { source, seen } = entry.content!;
  if (source.kind !== 'file') throw new Error('Only files are read in pieces.');
  const handle = await open(source.path, 'r').catch((cause: unknown) => {
    throw unreadable(source.path, cause);
  });
  try {
    const time = await timeOfFile(handle, source);
    if (seen !== undefined && sameIdentity(await handle.stat(), seen)) memory?.add(entry.path, seen, time);
    return time;
  } finally {
    await handle.close();
  }
}

/** Makes the time of as many bytes as the file is listed with; what was appended since does not count. */
export async function timeOfFile(handle: FileHandle, source: FileSource): Promise<bigint> {
  const digest = createHash('sha256');
  // Two buffers: while one is hashed here, the other is filled by the thread pool.
  const buffers = [Buffer.allocUnsafeSlow(chunkBytes), Buffer.allocUnsafeSlow(chunkBytes)];
  const start = source.offset ?? 0;
  const readAt = (at: number, index: number): Promise<{ bytesRead: number }> =>
    handle.read(buffers[index & 1]!, 0, Math.min(chunkBytes, source.sizeBytes - at), start + at);
  let at = 0;
  let pending = readAt(0, 0);
  for (let index = 0; at < source.sizeBytes; index++) {
    const { bytesRead } = await pending;
    if (bytesRead === 0) throw changed(source.path);
    at += bytesRead;
    if (at < source.sizeBytes) {
      pending = readAt(at, index + 1);
      // When hashing throws, nobody waits for it any more.
      pending.catch(() => {});
    }
    digest.update(buffers[index & 1]!.subarray(0, bytesRead));
  }
  return timeOfDigest(digest.digest());
}

export function changed(path: string): Error {
  return buildError(sessionErrors, 'SESSION_FILE_CHANGED', { path });
}

/** Empty files need not be opened. */
const emptyTime = timeOfBytes(Buffer.alloc(0));

const columns = 4;

/** What was found, in columns: a tree may have a hundred thousand files. */
class Memory {
  readonly paths: string[] = [];
  numbers: Float64Array = new Float64Array(1024 * columns);
  times: BigInt64Array = new BigInt64Array(1024);
  readonly #startedMs = Date.now();
  #index: Map<string, number> | undefined;
  /** Where the last was found: the next is most often the next. */
  #next = 0;

  add(path: string, seen: FileIdentity, time: bigint): void {
    if (seen.ctimeMs > this.#startedMs - settledMs || seen.mtimeMs > this.#startedMs - settledMs) return;
    const at = this.paths.length;
    if (at === this.times.length) {
      const numbers = new Float64Array(this.numbers.length * 2);
      numbers.set(this.numbers);
      this.numbers = numbers;
      const times = new BigInt64Array(this.times.length * 2);
      times.set(this.times);
      this.times = times;
    }
    this.paths.push(path);
    const row = at * columns;
    this.numbers[row] = seen.size;
    this.numbers[row + 1] = seen.mtimeMs;
    this.numbers[row + 2] = seen.ctimeMs;
    this.numbers[row + 3] = seen.ino;
    this.times[at] = time;
  }

  find(path: string, seen: FileIdentity): bigint | undefined {
    let at: number | undefined = this.#next;
    if (this.paths[at] !== path) {
      this.#index ??= new Map(this.paths.map((p, i) => [p, i]));
      at = this.#index.get(path);
      if (at === undefined) return undefined;
    }
    this.#next = at + 1;
    const row = at * columns;
    const { numbers } = this;
    const same =
      numbers[row] === seen.size &&
      numbers[row + 1] === seen.mtimeMs &&
      numbers[row + 2] === seen.ctimeMs &&
      numbers[row + 3] === seen.ino;
    return same ? this.times[at] : undefined;
  }

  equals(other: Memory): boolean {
    const count = this.paths.length;
    if (count !== other.paths.length) return false;
    for (let i = 0; i < count; i++)
      if (this.paths[i] !== other.paths[i] || this.times[i] !== other.times[i]) return false;
    for (let i = 0; i < count * columns; i++) if (this.numbers[i] !== other.numbers[i]) return false;
    return true;
  }
}

interface StoredMemory {
  readonly version: 1;
  readonly paths: string;
  readonly numbers: Float64Array;
  readonly times: BigInt64Array;
}

async function readMemory(file: string): Promise<Memory | undefined> {
  try {
    const stored = deserialize(await readFile(file)) as StoredMemory;
    if (stored.version !== 1) return undefined;
    const memory = new Memory();
    if (stored.times.length > 0) memory.paths.push(...splitPaths(stored.paths));
    if (memory.paths.length !== stored.times.length) return undefined;
    memory.numbers = stored.numbers;
    memory.times = stored.times;
    return memory;
  } catch {
    // Absent, or cut off: the files are read again.
    return undefined;
  }
}

function splitPaths(text: string): string[] {
  return text.split('\0');
}

async function writeMemory(file: string, memory: Memory): Promise<void> {
  const count = memory.paths.length;
  const stored: StoredMemory = {
    version: 1,
    paths: memory.paths.join('\0'),
    numbers: memory.numbers.slice(0, count * columns),
    times: memory.times.slice(0, count),
  };
  await mkdir(join(file, '..'), { recursive: true });
  const aside = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    await writeFile(aside, serialize(stored));
    await rename(aside, file);
  } catch (cause) {
    await rm(aside, { force: true });
    throw cause;
  }
}
