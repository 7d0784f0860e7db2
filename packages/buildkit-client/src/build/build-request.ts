import type { Init, pb, sourcepolicy } from '@melange2/proto';
import type { SolveError } from '../errors.ts';
import type { Gateway, GatewayResult, Reference } from '../gateway/gateway.ts';
import type { Attachables, SessionOptions } from '../session-contract.ts';
import type { StatusEvent } from '../status/status-event.ts';
import type { ExportTarget } from './export-target.ts';

/** A remote cache: `type` is `registry`, `local`, `inline`, `gha`, `s3` or `azblob`. */
export interface CacheEntry {
  readonly type: string;
  readonly attrs: Readonly<Record<string, string>>;
}

/** A frontend in the daemon that makes the graph, such as `dockerfile.v0`. */
export interface Frontend {
  readonly name: string;
  readonly attrs?: Readonly<Record<string, string>>;
  readonly inputs?: Readonly<Record<string, Init<pb.Definition>>>;
}

/** How a graph reaches the daemon. */
export type SolveRoute = 'gateway' | 'direct';

/** What is built: a graph, or what a function makes of an open build, or what a frontend makes. */
export type BuildSubject =
  | {
      readonly definition: Init<pb.Definition>;
      /**
       * Called when the graph failed, while its states are still there: a failed step's mounts can be opened in a
       * container. The build ends, failed, when it resolves; when it rejects, its reason takes the failure's place.
       */
      readonly onFailure?: (failure: SolveError, gateway: Gateway) => Promise<void>;
      /**
       * `direct` hands the graph to the daemon without its gateway, as is done by itself where the daemon has none or
       * refuses it. Events, exports and errors are the same; `onFailure` is not called, since no state can be opened.
       */
      readonly route?: SolveRoute;
    }
  | {
      /** What it returns is exported; nothing is when it returns `undefined`. */
      readonly run: (gateway: Gateway) => Promise<GatewayResult | Reference | undefined>;
    }
  | { readonly frontend: Frontend };

export interface BuildOptions {
  /** Folders, secrets, credentials, … that the daemon may ask for while it builds. */
  readonly session?: Omit<Attachables, 'exports'>;
  /** How the session is run; its signal is the build's. */
  readonly sessionOptions?: Omit<SessionOptions, 'signal'>;
  readonly exports?: readonly ExportTarget[];
  readonly cacheImports?: readonly CacheEntry[];
  readonly cacheExports?: readonly CacheEntry[];
  /** `network.host`, `security.insecure`, `device`. */
  readonly entitlements?: readonly string[];
  /** Rules about sources; 0.11 and later, `source.policy`. */
  readonly sourcePolicy?: Init<sourcepolicy.Policy>;
  /** Not shown in the daemon's history. */
  readonly internal?: boolean;
  /** Called for everything that the daemon tells, in its order. A failure in it ends the build. */
  readonly onEvent?: (event: StatusEvent) => void;
  /** Names the build for those who want to follow its status. Never to be used twice. */
  readonly ref?: string;
  /** Ends the build in the daemon too; the build rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export type BuildRequest = BuildSubject & BuildOptions;

export interface BuildResult {
  readonly ref: string;
  /** What exporters answered, such as `containerimage.digest`. */
  readonly exporterResponse: ReadonlyMap<string, string>;
}
