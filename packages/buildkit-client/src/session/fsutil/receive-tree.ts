import {
  chmodSync,
  closeSync,
  fchmodSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { buildError } from '@melange2/diagnostics';
import type { fsutil } from '@melange2/proto';
import { grpcCode } from '../../grpc/grpc-error.ts';
import { sessionErrors } from '../errors.ts';
import { writeFailed } from '../file-sink.ts';
import { messagesOf, type ServerCall } from '../server-call.ts';
import { StatusError } from '../status-error.ts';
import { goMode, isRegular, kindName, toPermissions } from './go-mode.ts';
import { PacketBuffer, packetType, readPacket } from './packet.ts';
import type { SendCounts } from './send-tree.ts';

export interface ReceiveLimits {
  readonly maxEntries?: number;
  readonly maxBytes?: number;
}

export interface ReceiveOptions extends ReceiveLimits {
  readonly counts?: SendCounts;
}

/**
 * Receives a tree into a folder. What is in the folder stays, files of the same name are replaced.
 *
 * Everything is written into a folder beside it and moved when the daemon is done, so that a failure leaves nothing.
 * Files belong to the user, with the modes and times that the daemon sent. A path that does not stay inside is
 * refused, and so is one that leads through a link.
 *
 * @throws {BuildError} SESSION_PATH_ESCAPES, SESSION_PEER_INVALID, SESSION_LIMIT_EXCEEDED,
 * SESSION_ENTRY_UNSUPPORTED, SESSION_WRITE_FAILED
 */
export async function receiveTree(
  call: ServerCall,
  folder: string,
  options: ReceiveOptions = {},
): Promise<void> {
  const staging = attempt(folder, () => {
    mkdirSync(dirname(folder), { recursive: true });
    return mkdtempSync(join(dirname(folder), `.${basename(folder)}.`));
  });
  const receiver = new TreeReceiver(call, staging, options);
  try {
    await receiver.receive();
    // The daemon calls the export done when it hears that it is: by then everything has to be in its place.
    attempt(folder, () => moveInto(staging, folder));
    await receiver.confirm();
  } catch (cause) {
    receiver.stop(cause);
    throw cause;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** Daemons send four at once. */
const maxOpenFiles = 64;

interface OpenFile {
  readonly path: string;
  readonly fd: number;
  readonly stat: fsutil.Stat;
  written: number;
}

class TreeReceiver {
  readonly #call: ServerCall;
  readonly #next: () => Promise<readonly Buffer[] | undefined>;
  readonly #root: string;
  readonly #maxEntries: number;
  readonly #maxBytes: number;
  readonly #counts: SendCounts;
  /** Folders that were made here, so that writing below them does not lead through a link. */
  readonly #folders = new Map<string, fsutil.Stat | undefined>([['', undefined]]);
  /** Kinds of what was listed, for hard links. */
  readonly #files = new Set<string>();
  readonly #wanted = new Map<number, fsutil.Stat>();
  readonly #open = new Map<number, OpenFile>();
  readonly #links: fsutil.Stat[] = [];
  #lastPath = '';
  #listed = false;
  #bytes = 0;
  #id = 0;

  constructor(call: ServerCall, root: string, options: ReceiveOptions) {
    this.#call = call;
    this.#next = messagesOf(call);
    this.#root = root;
    this.#maxEntries = options.maxEntries ?? 2_000_000;
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
    this.#counts = options.counts ?? { entries: 0, files: 0, bytes: 0 };
  }

  /** Resolves when everything is there. */
  async receive(): Promise<void> {
    const out = new PacketBuffer(16 << 10);
    for (;;) {
      const messages = await this.#next();
      if (messages === undefined)
        throw new StatusError(grpcCode.canceled, 'The daemon has ended the transfer before it was done.');
      for (const message of messages) {
        const packet = parse(message);
        switch (packet.type) {
          case packetType.stat:
            if (this.#listed) throw invalid('listed a file after the end of the list');
            if (packet.stat === undefined) this.#listed = true;
            else this.#entry(packet.stat, out);
            break;
          case packetType.data:
            this.#data(packet.id, packet.data);
            break;
          case packetType.error:
            throw gaveUp(packet.data);
          case packetType.fin:
            throw invalid('ended the transfer before everything was sent');
          default:
            throw invalid(`sent a packet of type ${packet.type}, which a sender does not send`);
        }
      }
      if (out.length > 0 && !this.#call.write([out.take()])) await this.#call.drained();
      if (this.#listed && this.#wanted.size === 0 && this.#open.size === 0) {
        this.#finish();
        return;
      }
    }
  }

  /** Tells the daemon that everything is there, and waits until it has understood: else it may fail with "EOF". */
  async confirm(): Promise<void> {
    const out = new PacketBuffer(32);
    out.fin();
    try {
      this.#call.write([out.take()]);
      for (;;) {
        const messages = await this.#next();
        if (messages === undefined) return;
        for (const message of messages) {
          const packet = parse(message);
          if (packet.type === packetType.fin) return;
          if (packet.type === packetType.error) throw gaveUp(packet.data);
          throw invalid(`sent a packet of type ${packet.type} after everything was there`);
        }
      }
    } catch (cause) {
      // Daemons end the call as soon as they have what they want.
      if (!this.#call.signal.aborted) throw cause;
    }
  }

  stop(cause: unknown): void {
    for (const { fd } of this.#open.values()) closeSync(fd);
    this.#open.clear();
    if (this.#call.signal.aborted) return;
    const packet = new PacketBuffer(256);
    packet.error(cause instanceof Error ? cause.message : String(cause));
    try {
      this.#call.write([packet.take()]);
    } catch {
      // The daemon is gone; there is nobody to tell.
    }
  }

  #entry(stat: fsutil.Stat, out: PacketBuffer): void {
    const id = this.#id++;
    if (id >= this.#maxEntries)
      throw buildError(sessionErrors, 'SESSION_LIMIT_EXCEEDED', { what: 'files', limit: this.#maxEntries });
    const { path, mode } = stat;
    this.#checkPath(path);
    this.#counts.entries++;
    const absolute = join(this.#root, path);
    if ((mode & goMode.dir) !== 0) {
      attempt(path, () => mkdirSync(absolute, 0o700));
      this.#folders.set(path, stat);
      return;
    }
    if ((mode & goMode.symlink) !== 0) {
      if (stat.linkname === '' || stat.linkname.includes('\0'))
        throw invalid(`sent the link "${path}" without a target`);
      attempt(path, () => {
        symlinkSync(stat.linkname, absolute);
        lutimesSync(absolute, seconds(stat.modTime), seconds(stat.modTime));
      });
      return;
    }
    if (!isRegular(mode))
      throw buildError(sessionErrors, 'SESSION_ENTRY_UNSUPPORTED', { path, kind: kindName(mode) });
    if (stat.linkname !== '') {
      if (!this.#files.has(stat.linkname))
        throw escapes(path, `is a link to "${stat.linkname}", which is no file that came before it`);
      this.#links.push(stat);
      return;
    }
    this.#files.add(path);
    if (stat.size < 0n) throw invalid(`sent the file "${path}" with a negative size`);
    this.#bytes += Number(stat.size);
    if (this.#bytes > this.#maxBytes)
      throw buildError(sessionErrors, 'SESSION_LIMIT_EXCEEDED', { what: 'bytes', limit: this.#maxBytes });
    if (stat.size === 0n) {
      this.#close({ path, fd: this.#create(path), stat, written: 0 });
      return;
    }
    this.#wanted.set(id, stat);
    out.request(id);
  }

  #checkPath(path: string): void {
    if (path === '' || path.includes('\0')) throw escapes(path, 'is not a path');
    if (path.startsWith('/')) throw escapes(path, 'is absolute');
    const parts = path.split('/');
    if (parts.some((part) => part === '..' || part === '.' || part === ''))
      throw escapes(path, 'is not a plain path');
    if (Buffer.byteLength(path) > 4095 || parts.some((part) => Buffer.byteLength(part) > 255))
      throw escapes(path.slice(0, 100), 'is too long');
    const parent = parts.slice(0, -1).join('/');
    if (!this.#folders.has(parent))
      throw escapes(path, `leads through "${parent}", which is not a folder of the result`);
    if (this.#lastPath !== '' && compare(this.#lastPath, path) >= 0)
      throw invalid(`sent "${path}" after "${this.#lastPath}"`);
    this.#lastPath = path;
  }

  #data(id: number, data: Buffer | undefined): void {
    let file = this.#open.get(id);
    if (file === undefined) {
      const stat = this.#wanted.get(id);
      if (stat === undefined) throw invalid(`sent content of file number ${id}, which was not asked for`);
      if (this.#open.size >= maxOpenFiles) throw invalid(`sent more than ${maxOpenFiles} files at once`);
      this.#wanted.delete(id);
      file = { path: stat.path, fd: this.#create(stat.path), stat, written: 0 };
      this.#open.set(id, file);
    }
    if (data === undefined || data.length === 0) {
      if (BigInt(file.written) !== file.stat.size)
        throw invalid(`sent ${file.written} bytes of "${file.path}", which has ${file.stat.size}`);
      this.#open.delete(id);
      this.#close(file);
      return;
    }
    const open = file;
    open.written += data.length;
    if (BigInt(open.written) > open.stat.size) {
      throw invalid(`sent more than the ${open.stat.size} bytes that "${open.path}" has`);
    }
    this.#counts.bytes += data.length;
    attempt(open.path, () => {
      for (let at = 0; at < data.length;) at += writeSync(open.fd, data, at);
    });
  }

  #create(path: string): number {
    return attempt(path, () => openSync(join(this.#root, path), 'wx', 0o600));
  }

  #close({ path, fd, stat }: OpenFile): void {
    this.#counts.files++;
    attempt(path, () => {
      fchmodSync(fd, toPermissions(stat.mode));
      futimesSync(fd, seconds(stat.modTime), seconds(stat.modTime));
      closeSync(fd);
    });
  }

  /** Links when their targets are written; modes and times of folders when nothing is written into them any more. */
  #finish(): void {
    for (const { path, linkname } of this.#links)
      attempt(path, () => linkSync(join(this.#root, linkname), join(this.#root, path)));
    for (const [path, stat] of [...this.#folders].reverse()) {
      if (stat === undefined) continue;
      const absolute = join(this.#root, path);
      attempt(path, () => {
        chmodSync(absolute, toPermissions(stat.mode));
        utimesSync(absolute, seconds(stat.modTime), seconds(stat.modTime));
      });
    }
  }
}

/** Moves what is in one folder into another one on the same disk. */
function moveInto(from: string, to: string): void {
  const there = lstatSync(to, { throwIfNoEntry: false });
  if (there === undefined) {
    chmodSync(from, 0o755);
    renameSync(from, to);
    return;
  }
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    const old = lstatSync(target, { throwIfNoEntry: false });
    if (entry.isDirectory() && old?.isDirectory() === true) {
      const { mode, mtime, atime } = lstatSync(source);
      chmodSync(source, 0o700);
      moveInto(source, target);
      chmodSync(target, mode & 0o7777);
      utimesSync(target, atime, mtime);
      rmdirSync(source);
      continue;
    }
    if (old?.isDirectory() === true) rmSync(target, { recursive: true });
    else if (old !== undefined) unlinkSync(target);
    // A folder without write permission cannot be moved by anybody but root.
    if (entry.isDirectory()) {
      const { mode } = lstatSync(source);
      chmodSync(source, 0o700);
      renameSync(source, target);
      chmodSync(target, mode & 0o7777);
    } else renameSync(source, target);
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw writeFailed(path, cause);
  }
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a.replaceAll('/', '\0')), Buffer.from(b.replaceAll('/', '\0')));
}

function seconds(nanoseconds: bigint): number {
  return Number(nanoseconds / 1000n) / 1e6;
}

function gaveUp(text: Buffer | undefined): Error {
  return new StatusError(
    grpcCode.aborted,
    `The daemon gave the transfer up: ${text?.toString('utf8') ?? ''}`,
  );
}

function invalid(what: string): Error {
  return buildError(sessionErrors, 'SESSION_PEER_INVALID', { what });
}

function escapes(path: string, why: string): Error {
  return buildError(sessionErrors, 'SESSION_PATH_ESCAPES', { path, why });
}

function parse(message: Buffer): ReturnType<typeof readPacket> {
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
