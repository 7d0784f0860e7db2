import { createHash, type Hash } from 'node:crypto';
import { createReadStream, type Stats } from 'node:fs';
import { mkdir, open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buildError } from '@melange2/diagnostics';
import { content, decode, encode } from '@melange2/proto';
import { grpcCode } from '../../grpc/grpc-error.ts';
import { frameHeaderBytes } from '../../grpc/message-frames.ts';
import type { BlobSource } from '../../session-contract.ts';
import { sessionErrors } from '../errors.ts';
import { writeFailed } from '../file-sink.ts';
import { messagesOf, send, unary, type CallHandler, type ServerCall } from '../server-call.ts';
import type { PlannedStore } from '../session-host.ts';
import { StatusError } from '../status-error.ts';

/** Several blobs are read at a time, each with a buffer of this size. */
const chunkBytes = 256 * 1024;
/** Files that were read lately stay open: a blob is read in many calls. */
const openFiles = 32;

/** Serves blobs to `oci-layout` sources and cache imports, and takes those of cache exports. */
export function contentStoresService(stores: Readonly<Record<string, PlannedStore>>): {
  readonly handlers: readonly (readonly [string, CallHandler])[];
  readonly close: () => Promise<void>;
} {
  const { methods } = content.Content;
  const files = new FilePool();
  const ingests = new Map<string, Ingest>();
  const storeOf = (call: ServerCall): { id: string; store: PlannedStore } => {
    const id = call.metadata.get('buildkit-attachable-store-id')?.[0] ?? '';
    const store = Object.hasOwn(stores, id) ? stores[id] : undefined;
    if (store === undefined) throw new StatusError(grpcCode.notFound, `unknown store "${id}": not found`);
    return { id, store };
  };
  const blobOf = async (call: ServerCall, digest: string): Promise<FoundBlob> => {
    const { store } = storeOf(call);
    const found = await findBlob(store, digest);
    if (found === undefined) throw new StatusError(grpcCode.notFound, `content ${digest}: not found`);
    return found;
  };

  const info = async (call: ServerCall, digest: string): Promise<{ digest: string; size: bigint }> => ({
    digest,
    size: BigInt((await blobOf(call, digest)).sizeBytes),
  });

  const read: CallHandler = async (call) => {
    const [message] = (await messagesOf(call)()) ?? [];
    if (message === undefined) throw new StatusError(grpcCode.invalidArgument, 'There was no request.');
    const request = decode(content.ReadContentRequest, message);
    const blob = await blobOf(call, request.digest);
    const offset = Number(request.offset);
    if (offset < 0 || offset > blob.sizeBytes)
      throw new StatusError(grpcCode.outOfRange, `read past content length ${blob.sizeBytes} bytes`);
    const size = Number(request.size);
    const end = size > 0 ? Math.min(blob.sizeBytes, offset + size) : blob.sizeBytes;
    if (blob.source.kind === 'bytes') {
      for (let at = offset; at < end; at += chunkBytes)
        await sendChunk(call, at, blob.source.bytes.subarray(at, Math.min(end, at + chunkBytes)));
      return;
    }
    const start = blob.source.offset ?? 0;
    const { path } = blob.source;
    await files.use(path, async (handle) => {
      let buffer: Buffer | undefined;
      for (let at = offset; at < end;) {
        const length = Math.min(chunkBytes, end - at);
        buffer ??= Buffer.allocUnsafeSlow(length);
        const { bytesRead } = await handle.read(buffer, 0, length, start + at);
        if (bytesRead === 0) throw new StatusError(grpcCode.dataLoss, `${path} is shorter than it was.`);
        if (!(await sendChunk(call, at, buffer.subarray(0, bytesRead)))) buffer = undefined;
        at += bytesRead;
      }
    });
  };

  const write: CallHandler = async (call) => {
    const { id, store } = storeOf(call);
    if (store.kind !== 'dir' || store.writable !== true)
      throw new StatusError(grpcCode.permissionDenied, `store "${id}" is read-only`);
    const next = messagesOf(call);
    let ingest: Ingest | undefined;
    try {
      for (;;) {
        const messages = await next();
        if (messages === undefined) return;
        for (const message of messages) {
          const request = decode(content.WriteContentRequest, message);
          if (ingest === undefined) {
            ingest = await openIngest(ingests, id, store.dir, request);
          }
          const answer = await ingest.answer(request);
          await send(call, encode(content.WriteContentResponse, answer));
          if (request.action === content.WriteAction.COMMIT) {
            ingests.delete(ingest.key);
            ingest = undefined;
            return;
          }
        }
      }
    } finally {
      if (ingest !== undefined) ingest.busy = false;
    }
  };

  const statusOf = (ingest: Ingest): { ref: string; offset: bigint; total: bigint; expected: string } => ({
    ref: ingest.ref,
    offset: BigInt(ingest.offset),
    total: ingest.total,
    expected: ingest.expected,
  });

  return {
    handlers: [
      unary(methods.Info, async ({ digest }, call) => ({ info: await info(call, digest) })),
      // Labels are the daemon's own notes; a folder has no place for them and needs none.
      unary(methods.Update, async ({ info: asked }, call) => ({
        info: { ...(await info(call, asked?.digest ?? '')), labels: asked?.labels ?? new Map() },
      })),
      [methods.Read.path, read],
      unary(methods.Status, ({ ref }, call) => {
        const ingest = ingests.get(ingestKey(storeOf(call).id, ref));
        if (ingest === undefined) throw new StatusError(grpcCode.notFound, `ingest ${ref}: not found`);
        return { status: statusOf(ingest) };
      }),
      unary(methods.ListStatuses, (_request, call) => {
        const { id } = storeOf(call);
        return {
          statuses: [...ingests.values()].filter((i) => i.key === ingestKey(id, i.ref)).map(statusOf),
        };
      }),
      [methods.Write.path, write],
      unary(methods.Abort, async ({ ref }, call) => {
        const key = ingestKey(storeOf(call).id, ref);
        const ingest = ingests.get(key);
        if (ingest === undefined) throw new StatusError(grpcCode.notFound, `ingest ${ref}: not found`);
        ingests.delete(key);
        await ingest.discard();
        return {};
      }),
      unary(methods.Delete, ({ digest }) => {
        throw new StatusError(grpcCode.permissionDenied, `content ${digest} is not the daemon's to delete`);
      }),
    ],
    async close() {
      await Promise.all([...ingests.values()].map((ingest) => ingest.discard()));
      ingests.clear();
      await files.close();
    },
  };
}

interface FoundBlob {
  readonly source: BlobSource;
  readonly sizeBytes: number;
}

async function findBlob(store: PlannedStore, digest: string): Promise<FoundBlob | undefined> {
  if (store.kind === 'blobs') {
    const source = store.blobs.get(digest);
    if (source === undefined) return undefined;
    return { source, sizeBytes: source.kind === 'bytes' ? source.bytes.length : source.sizeBytes };
  }
  const path = blobPath(store.dir, digest);
  const found = await statOf(path);
  if (found === undefined) return undefined;
  return { source: { kind: 'file', path, sizeBytes: found.size }, sizeBytes: found.size };
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw writeFailed(path, cause);
  }
}

/** A digest names a file, so it is looked at before it becomes part of a path. */
function blobPath(dir: string, digest: string): string {
  const match = /^(sha256|sha384|sha512):([0-9a-f]{64,128})$/.exec(digest);
  if (match === null) throw new StatusError(grpcCode.invalidArgument, `"${digest}" is not a digest`);
  return join(dir, 'blobs', match[1]!, match[2]!);
}

/** Encodes everything but the data, which is sent from where it is. True when the memory of the data is free again. */
async function sendChunk(call: ServerCall, offset: number, data: Uint8Array): Promise<boolean> {
  const fields = encode(content.ReadContentResponse, { offset });
  const length = encode(content.ReadContentRequest, { offset: data.length }).subarray(1);
  const header = Buffer.allocUnsafe(frameHeaderBytes + fields.length + 1 + length.length);
  header[0] = 0;
  header.writeUInt32BE(fields.length + 1 + length.length + data.length, 1);
  header.set(fields, frameHeaderBytes);
  header[frameHeaderBytes + fields.length] = 0x12;
  header.set(length, frameHeaderBytes + fields.length + 1);
  if (call.write([header, data])) return false;
  await call.drained();
  return true;
}

function ingestKey(store: string, ref: string): string {
  return `${store}\0${ref}`;
}

async function openIngest(
  ingests: Map<string, Ingest>,
  store: string,
  dir: string,
  request: content.WriteContentRequest,
): Promise<Ingest> {
  const { ref, expected, total } = request;
  if (ref === '') throw new StatusError(grpcCode.invalidArgument, 'first message must have a reference');
  if (expected !== '' && (await statOf(blobPath(dir, expected))) !== undefined)
    throw new StatusError(grpcCode.alreadyExists, `content ${expected}: already exists`);
  const key = ingestKey(store, ref);
  const known = ingests.get(key);
  if (known !== undefined) {
    if (known.busy) throw new StatusError(grpcCode.unavailable, `ref ${ref} locked: unavailable`);
    known.busy = true;
    return known;
  }
  const ingest = new Ingest(key, ref, dir, total, expected);
  ingests.set(key, ingest);
  try {
    await ingest.open();
  } catch (cause) {
    ingests.delete(key);
    throw cause;
  }
  return ingest;
}

/** A blob that is being written. It stands under its digest only when it has it. */
class Ingest {
  readonly key: string;
  readonly ref: string;
  total: bigint;
  expected: string;
  offset = 0;
  /** A call is writing it. */
  busy = true;
  readonly #dir: string;
  readonly #aside: string;
  readonly #started = new Date();
  #handle: FileHandle | undefined;
  #hash: Hash = createHash('sha256');
  #digest = '';

  constructor(key: string, ref: string, dir: string, total: bigint, expected: string) {
    this.key = key;
    this.ref = ref;
    this.total = total;
    this.expected = expected;
    this.#dir = dir;
    this.#aside = join(dir, `.ingest-${process.pid}-${Math.random().toString(36).slice(2)}`);
  }

  async open(): Promise<void> {
    await this.#writing(async () => {
      await mkdir(this.#dir, { recursive: true });
      this.#handle = await open(this.#aside, 'wx', 0o644);
    });
  }

  async answer(request: content.WriteContentRequest): Promise<{
    action: content.WriteContentRequest['action'];
    offset: bigint;
    total: bigint;
    digest: string;
    started_at: { seconds: bigint; nanos: number };
    updated_at: { seconds: bigint; nanos: number };
  }> {
    const { action, data } = request;
    if (request.total > 0n) this.total = request.total;
    if (request.expected !== '') this.expected = request.expected;
    if (action !== content.WriteAction.STAT) {
      const at = Number(request.offset);
      if (at === 0 && this.offset > 0 && data.length > 0) await this.#restart();
      else if (at > 0 && at !== this.offset)
        throw new StatusError(
          grpcCode.outOfRange,
          `write @${at} must occur at current offset ${this.offset}`,
        );
      if (data.length > 0) await this.#append(data);
    }
    if (action === content.WriteAction.COMMIT) await this.#commit();
    return {
      action,
      offset: BigInt(this.offset),
      total: this.total,
      digest: this.#digest || (action === content.WriteAction.STAT ? '' : this.#digestNow()),
      started_at: timestamp(this.#started),
      updated_at: timestamp(new Date()),
    };
  }

  async discard(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
    await rm(this.#aside, { force: true });
  }

  async #append(data: Uint8Array): Promise<void> {
    this.#hash.update(data);
    await this.#writing(async () => {
      for (let at = 0; at < data.length;) {
        const { bytesWritten } = await this.#handle!.write(data, at, data.length - at, this.offset + at);
        at += bytesWritten;
      }
    });
    this.offset += data.length;
  }

  async #restart(): Promise<void> {
    await this.#writing(async () => await this.#handle!.truncate(0));
    this.offset = 0;
    this.#hash = createHash('sha256');
  }

  async #commit(): Promise<void> {
    const actual = await this.#finalDigest();
    if (this.total > 0n && BigInt(this.offset) !== this.total) {
      await this.discard();
      throw new StatusError(
        grpcCode.failedPrecondition,
        `unexpected commit size ${this.offset}, expected ${this.total}`,
      );
    }
    if (this.expected !== '' && actual !== this.expected) {
      await this.discard();
      throw buildError(sessionErrors, 'SESSION_DIGEST_MISMATCH', { expected: this.expected, actual });
    }
    const path = blobPath(this.#dir, actual);
    await this.#writing(async () => {
      await this.#handle!.sync();
      await this.#handle!.close();
      this.#handle = undefined;
      await mkdir(dirname(path), { recursive: true });
      await rename(this.#aside, path);
    });
    this.#digest = actual;
  }

  #digestNow(): string {
    return `sha256:${this.#hash.copy().digest('hex')}`;
  }

  /** Blobs are hashed while they come; only the rare ones with another algorithm are read again. */
  async #finalDigest(): Promise<string> {
    const algorithm = this.expected.split(':')[0] ?? '';
    if (algorithm === '' || algorithm === 'sha256') return this.#digestNow();
    if (algorithm !== 'sha384' && algorithm !== 'sha512')
      throw new StatusError(grpcCode.invalidArgument, `"${this.expected}" is not a digest`);
    const hash = createHash(algorithm);
    for await (const chunk of createReadStream(this.#aside)) hash.update(chunk as Buffer);
    return `${algorithm}:${hash.digest('hex')}`;
  }

  async #writing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw writeFailed(this.#dir, cause);
    }
  }
}

function timestamp(date: Date): { seconds: bigint; nanos: number } {
  const ms = date.getTime();
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
}

/** Keeps files open between calls. */
class FilePool {
  readonly #files = new Map<string, { handle: Promise<FileHandle>; users: number }>();

  async use(path: string, work: (handle: FileHandle) => Promise<void>): Promise<void> {
    let file = this.#files.get(path);
    if (file === undefined) {
      file = { handle: open(path, 'r'), users: 0 };
      file.handle.catch(() => {});
    } else this.#files.delete(path);
    // The one used last stands last.
    this.#files.set(path, file);
    file.users++;
    try {
      let handle: FileHandle;
      try {
        handle = await file.handle;
      } catch (cause) {
        this.#files.delete(path);
        throw cause;
      }
      await work(handle);
    } finally {
      file.users--;
      this.#evict();
    }
  }

  async close(): Promise<void> {
    const handles = [...this.#files.values()].map((file) => file.handle);
    this.#files.clear();
    await Promise.allSettled(handles.map(async (handle) => await (await handle).close()));
  }

  #evict(): void {
    for (const [path, file] of this.#files) {
      if (this.#files.size <= openFiles) return;
      if (file.users > 0) continue;
      this.#files.delete(path);
      file.handle.then((handle) => handle.close()).catch(() => {});
    }
  }
}
