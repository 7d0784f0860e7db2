import type {
  BlobSource,
  LocalDir,
  SessionTransfer,
  SourcePolicyAnswer,
  SourcePolicyRequest,
  VirtualTree,
} from '../session-contract.ts';

/**
 * What the server of a session serves by itself: plain data, which crosses into a worker thread. What needs the
 * caller's functions is asked of the `SessionHost`.
 */
export interface SessionPlan {
  readonly localDirs: Readonly<Record<string, LocalDir | VirtualTree>> | undefined;
  /** `asked`: the host is asked for each. */
  readonly secrets: Readonly<Record<string, Uint8Array | string>> | 'asked' | undefined;
  readonly ssh: Readonly<Record<string, { socket: string } | { keys: readonly string[] }>> | undefined;
  readonly auth: boolean;
  readonly contentStores: Readonly<Record<string, PlannedStore>> | undefined;
  readonly uploads: readonly string[] | undefined;
  readonly exports: readonly (PlannedExport | undefined)[] | undefined;
  readonly sourcePolicy: boolean;
  readonly sessionExporter: boolean;
  readonly cacheDir: string | undefined;
  /** Somebody listens to how far transfers are. */
  readonly transfers: boolean;
}

export type PlannedStore =
  | { readonly kind: 'blobs'; readonly blobs: ReadonlyMap<string, BlobSource> }
  | { readonly kind: 'dir'; readonly dir: string; readonly writable?: boolean };

export type PlannedExport =
  | { readonly kind: 'stream' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'dir'; readonly path: string };

/** The caller's side of a session: its functions, in whatever thread they are. */
export interface SessionHost {
  readonly secret: (id: string) => Promise<Uint8Array | undefined>;
  readonly credentials: (
    host: string,
  ) => Promise<{ readonly username: string; readonly secret: string } | undefined>;
  /** Returns the bytes of an upload. */
  readonly upload: (id: string) => Promise<AsyncIterable<Uint8Array>>;
  /** Begins an export; the returned sink takes its bytes. */
  readonly openExport: (index: number, metadata: Readonly<Record<string, string>>) => ExportSink;
  readonly checkPolicy: (request: SourcePolicyRequest) => Promise<SourcePolicyAnswer>;
  readonly findExporters: (
    metadata: ReadonlyMap<string, Uint8Array>,
    refs: readonly string[],
  ) => Promise<readonly { readonly type: string; readonly attrs: Readonly<Record<string, string>> }[]>;
  readonly finalizeExport: (response: Readonly<Record<string, string>>) => Promise<void>;
  readonly transferred: (transfer: SessionTransfer) => void;
}

/** Takes the bytes of one export. */
export interface ExportSink {
  /** The bytes are the sink's from then on. Resolves when the next may come. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Resolves when the caller has what it needs. */
  readonly end: () => Promise<void>;
  readonly abort: (reason: unknown) => void;
}
