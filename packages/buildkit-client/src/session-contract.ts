import type { Readable } from 'node:stream';
import type { Endpoint } from './endpoint.ts';

/**
 * Opens a session with attachables on a connection of its own and serves it from a worker thread.
 *
 * Resolves when the session was offered to the daemon; there is no acknowledgement.
 */
export type OpenSession = (
  endpoint: Endpoint,
  attachables: Attachables,
  options?: SessionOptions,
) => Promise<Session>;

export interface SessionOptions {
  readonly signal?: AbortSignal;
  /** Shown by the daemon in its logs. */
  readonly name?: string;
  /** Lets the daemon reuse files of earlier sessions with the same key. Empty by default. */
  readonly sharedKey?: string;
  /**
   * A folder to remember in which contents the files of `localDirs` had, so that an unchanged file is not read again.
   * Nothing is remembered without it.
   */
  readonly cacheDir?: string;
  /** Hears how far transfers are, each some ten times a second, and at its end. */
  readonly onTransfer?: (transfer: SessionTransfer) => void;
  /** `false` serves from this thread: while it is busy, the daemon waits, and gives up after some ten seconds. */
  readonly worker?: boolean;
}

/** How far one transfer is. */
export interface SessionTransfer {
  readonly kind: 'send' | 'receive';
  /** The name of the local source, or the number of the export. */
  readonly name: string;
  /** Entries that were listed, or written. */
  readonly entries: number;
  /** Of them, files whose content was sent. */
  readonly files: number;
  readonly sizeBytes: number;
  readonly done: boolean;
}

/** A session the daemon may call back on until it is closed. */
export interface Session {
  /** The id that Solve names. */
  readonly id: string;
  /** The gRPC methods it serves, as `/service/Method`. */
  readonly methods: readonly string[];
  /**
   * What went wrong in the caller's own handlers and files while the session served the daemon, oldest first.
   * The daemon reports only a text of them; the values here keep their codes and causes.
   */
  readonly failures: readonly unknown[];
  /** Settles when the session has ended: with the reason, or with `undefined` after `close`. Never rejects. */
  readonly closed: Promise<unknown>;
  /** Ends the session, its connection and its worker. Safe to call twice. */
  close(): Promise<void>;
}

/** What a session offers to the daemon. Everything is optional; only what is there is advertised. */
export interface Attachables {
  /** Folders that `local` sources may read, by name. */
  readonly localDirs?: Readonly<Record<string, LocalDir | VirtualTree>>;
  /** Secrets by id, or a function that is asked for each; `undefined` from it means there is none. */
  readonly secrets?:
    | Readonly<Record<string, Uint8Array | string>>
    | ((id: string) => Promise<Uint8Array | undefined>);
  /** SSH agents by id (`default` when a mount names none): the path of an agent's socket, or private keys. */
  readonly ssh?: Readonly<Record<string, SshAgent>>;
  /** Credentials for registries. */
  readonly auth?: RegistryAuth;
  /** Content stores by id: `oci:<store>` for `oci-layout` sources, `local:<dir>` for local caches, `export`. */
  readonly contentStores?: Readonly<Record<string, ContentStore>>;
  /** Byte streams that `http://buildkit-session/<id>` sources read, by id. */
  readonly uploads?: Readonly<Record<string, () => Promise<Readable>>>;
  /** Who takes what is exported, in the order of the solve's exporters. */
  readonly exports?: readonly (ExportReceiver | undefined)[];
  /** Decides for each source whether it may be used; the daemon asks when the solve names this session for it. */
  readonly sourcePolicy?: (request: SourcePolicyRequest) => Promise<SourcePolicyAnswer>;
  /** Chooses exporters once the build's result is known; the daemon asks when the solve enables it. */
  readonly sessionExporter?: SessionExporter;
}

/** A source that a build wants to use. */
export interface SourcePolicyRequest {
  /** `docker-image://...`, `https://...`; after an earlier `update` or `convert` the one it has led to. */
  readonly identifier: string;
  readonly attrs: Readonly<Record<string, string>>;
  /** `linux/amd64`; `undefined` when it does not matter. */
  readonly platform: string | undefined;
  /** What the daemon knows of the source already, as its checksum; only what was asked for by `resolve`. */
  readonly digest: string | undefined;
}

export type SourcePolicyAnswer =
  | { readonly action: 'allow' }
  | { readonly action: 'deny'; readonly messages: readonly string[] }
  | {
      readonly action: 'convert';
      readonly identifier: string;
      readonly attrs?: Readonly<Record<string, string>>;
    }
  /** Asks the daemon to resolve the source first; it then asks again, with its digest. */
  | { readonly action: 'resolve' };

export interface SessionExporter {
  /** Returns the exporters for a result with this metadata and these refs. */
  readonly find: (
    metadata: ReadonlyMap<string, Uint8Array>,
    refs: readonly string[],
  ) => Promise<readonly { readonly type: string; readonly attrs: Readonly<Record<string, string>> }[]>;
  /** Told of the exporters' answers at the end, by daemons that know this (0.25 does not). */
  readonly finalize?: (response: Readonly<Record<string, string>>) => Promise<void>;
}

/** A folder that the daemon may read. Extended attributes are not sent: Node cannot read them. */
export interface LocalDir {
  /** Absolute path. */
  readonly path: string;
  /** Patterns as in .dockerignore, applied besides those that the daemon asks for. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Paths whose symlink targets are sent too. */
  readonly followPaths?: readonly string[];
  /** `reset` (the default) sends every file as owned by root, so that builds do not differ by user. */
  readonly owners?: 'reset' | 'keep';
  /**
   * `content` (the default) sends times made from each file's content, so that the daemon can never take a changed
   * file for an unchanged one; `keep` sends the real ones.
   */
  readonly times?: 'content' | 'keep';
}

/** A tree that is not on disk as such: its files are ranges of other files, or bytes in memory. */
export interface VirtualTree {
  /** In any order. Folders that are not listed are made with mode 0755. */
  readonly files: readonly VirtualFile[];
}

export type VirtualFile = {
  /** Relative, with slashes, without `.` and `..`. */
  readonly path: string;
  /** Permission, setuid, setgid and sticky bits. 0644 by default, folders 0755. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Nanoseconds since 1970; made from the content by default. */
  readonly modTimeNs?: bigint;
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
} & (
  | {
      readonly kind: 'file';
      readonly content: BlobSource;
      /** A text that stands for the content, such as its digest: it saves reading the content to make its time. */
      readonly identity?: string;
    }
  | { readonly kind: 'dir' }
  | { readonly kind: 'symlink'; readonly target: string }
  /** Another name of a file; `target` is a path of the tree that sorts before this one. */
  | { readonly kind: 'hardlink'; readonly target: string }
);

export type SshAgent =
  | { readonly socket: string }
  /** Private keys as PEM texts, served by an agent inside the client. */
  | { readonly keys: readonly string[] };

export interface RegistryAuth {
  /** Returns user name and password, or an identity token with an empty user name; `undefined` for anonymous. */
  readonly credentials: (
    host: string,
  ) => Promise<{ readonly username: string; readonly secret: string } | undefined>;
}

/** Where blobs of a content store are. A `file` range is read by the worker itself, without the main thread. */
export type BlobSource =
  | {
      readonly kind: 'file';
      readonly path: string;
      /** Where the blob begins in the file; 0 when absent. */
      readonly offset?: number;
      readonly sizeBytes: number;
    }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array };

export type ContentStore =
  /** Blobs by digest (`sha256:<hex>`), read only. */
  | { readonly kind: 'blobs'; readonly blobs: ReadonlyMap<string, BlobSource> }
  /** A folder with `blobs/<algorithm>/<hex>`, as in an OCI layout; written to when `writable`. */
  | { readonly kind: 'dir'; readonly dir: string; readonly writable?: boolean };

/** Takes one export. */
export type ExportReceiver =
  /** A stream of bytes: a tar, an OCI or a docker archive. The daemon is told of success when `output` resolves. */
  | {
      readonly kind: 'stream';
      readonly output: (stream: Readable, metadata: Readonly<Record<string, string>>) => Promise<void>;
    }
  /** A stream of bytes into a file, which appears whole or not at all. */
  | { readonly kind: 'file'; readonly path: string }
  /**
   * A tree of files into a folder. The files belong to the user, without extended attributes; devices and named pipes
   * are refused. A tar stream has all of that.
   */
  | { readonly kind: 'dir'; readonly path: string };
