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
  readonly localDirs?: Readonly<Record<string, LocalDir>>;
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
}

/** A folder that the daemon may read. */
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
  /** A tree of files into a folder. */
  | { readonly kind: 'dir'; readonly path: string };
