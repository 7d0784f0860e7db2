import { randomBytes } from 'node:crypto';
import { buildError } from '@melange2/diagnostics';
import {
  gateway,
  type fsutil,
  type Init,
  type Method,
  type pb,
  type rpc,
  type sourcepolicy,
} from '@melange2/proto';
import { readCapabilities, type Capabilities } from '../capabilities.ts';
import { errors, fromWireError, missingCapability } from '../errors.ts';
import { readSolveFailure } from '../failure/solve-failure.ts';
import type { CallOptions, Channel } from '../grpc/channel.ts';
import { GrpcError, grpcCode, isGrpcError } from '../grpc/grpc-error.ts';
import { openContainer, type Container, type ContainerOptions } from './container.ts';

interface Cancellable {
  readonly signal?: AbortSignal;
}

/** A result in the daemon. It lives as long as its build is open. */
export interface Reference {
  readonly id: string;
  /**
   * Reads a file; a range when `offset` or `length` is given.
   *
   * The daemon answers with one message: files over 16 MiB (4 MiB before 0.14) have to be read in ranges, which this
   * does by itself.
   */
  readonly readFile: (
    path: string,
    options?: Cancellable & { readonly offset?: number; readonly length?: number },
  ) => Promise<Uint8Array>;
  /** Lists a directory, sorted by name; `pattern` is a shell pattern for names. */
  readonly readDir: (
    path: string,
    options?: Cancellable & { readonly pattern?: string },
  ) => Promise<readonly FileStat[]>;
  readonly statFile: (path: string, options?: Cancellable) => Promise<FileStat>;
  /** Makes the daemon build the result, which is otherwise done when it is first used. */
  readonly evaluate: (options?: Cancellable) => Promise<void>;
}

/** A file in a result. `mode` has Go's bits (`os.FileMode`), not those of stat(2). */
export interface FileStat {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly linkName: string;
  readonly isDirectory: boolean;
  readonly isSymlink: boolean;
  readonly isFile: boolean;
}

/** What a solve in the gateway gives. Results without content (scratch) have no reference. */
export interface GatewayResult {
  /** The only result, when there is one. */
  readonly ref: Reference | undefined;
  /** Results by key, when there are several. */
  readonly refs: ReadonlyMap<string, Reference>;
  readonly metadata: ReadonlyMap<string, Uint8Array>;
}

export interface GatewaySolve {
  readonly definition?: Init<pb.Definition>;
  readonly frontend?: string;
  readonly frontendAttrs?: Readonly<Record<string, string>>;
  readonly frontendInputs?: Readonly<Record<string, Init<pb.Definition>>>;
  /** Those of the build when absent. */
  readonly cacheImports?: readonly {
    readonly type: string;
    readonly attrs: Readonly<Record<string, string>>;
  }[];
  readonly sourcePolicies?: readonly Init<sourcepolicy.Policy>[];
  /** Build at once instead of on first use: failures then come from this call. */
  readonly evaluate?: boolean;
}

export interface GatewayWarning {
  /** The vertex it belongs to; the build as a whole when absent. */
  readonly vertex?: string;
  readonly level?: number;
  readonly short: string;
  readonly detail?: readonly string[];
  readonly url?: string;
  readonly source?: Init<pb.SourceInfo>;
  readonly ranges?: readonly Init<pb.Range>[];
}

/**
 * An open build, as a frontend sees it: graphs are solved, their results looked at, containers opened in them, until
 * one result is returned for export.
 *
 * Every call fails with a `BuildError`; a failed solve with BUILDKIT_SOLVE_FAILED, whose details name the vertex, the
 * place and the mounts of the failed step.
 */
export interface Gateway {
  /** The build's id, which others can follow its status by. */
  readonly buildRef: string;
  readonly capabilities: Capabilities;
  readonly solve: (
    request: GatewaySolve,
    options?: { readonly signal?: AbortSignal },
  ) => Promise<GatewayResult>;
  readonly resolveImageConfig: (
    ref: string,
    options?: Cancellable & {
      readonly platform?: Init<pb.Platform>;
      readonly resolveMode?: 'default' | 'pull' | 'local';
      readonly logName?: string;
      /** For images in a content store of the session. */
      readonly storeId?: string;
      readonly sourcePolicies?: readonly Init<sourcepolicy.Policy>[];
    },
  ) => Promise<{ readonly digest: string; readonly config: Uint8Array; readonly ref: string }>;
  /** Looks up what a source stands for; 0.13 and later, `source.metaresolver`. */
  readonly resolveSource: (
    request: Init<gateway.ResolveSourceMetaRequest>,
    options?: Cancellable,
  ) => Promise<gateway.ResolveSourceMetaResponse>;
  /** Returns the inputs that the solve was given. */
  readonly inputs: (options?: Cancellable) => Promise<ReadonlyMap<string, pb.Definition>>;
  readonly newContainer: (options: ContainerOptions) => Promise<Container>;
  readonly warn: (warning: GatewayWarning, options?: Cancellable) => Promise<void>;
  /** Makes a reference of an id that came by other ways, such as a failed step's mount. */
  readonly reference: (id: string) => Reference;
}

/** Calls of one open build, with the metadata that names it. */
export interface GatewayCalls {
  readonly call: <Request, Response>(
    method: Method<Request, Response>,
    request: Init<Request>,
    options?: { readonly signal?: AbortSignal | undefined },
  ) => Promise<Response>;
  readonly channel: Channel;
  readonly callOptions: (signal?: AbortSignal) => CallOptions;
  readonly address: string;
}

const { methods } = gateway.LLBBridge;

/** Makes calls in the build `buildRef`; `signal` ends them all. */
export function gatewayCalls(
  channel: Channel,
  buildRef: string,
  address: string,
  signal: AbortSignal,
): GatewayCalls {
  const callOptions = (own?: AbortSignal): CallOptions => ({
    signal: own === undefined ? signal : AbortSignal.any([signal, own]),
    metadata: { 'buildkit-controlapi-buildid': buildRef },
  });
  return {
    channel,
    address,
    callOptions,
    call: (method, request, options) => channel.unary(method, request, callOptions(options?.signal)),
  };
}

/** How a daemon, or what stands before it, says that there is no gateway for this client. */
const refusals: ReadonlySet<number> = new Set([
  grpcCode.unimplemented,
  grpcCode.permissionDenied,
  grpcCode.unauthenticated,
]);

/** Tells whether the daemon has a gateway at all: it then says that the call belongs to no build. */
export async function hasGateway(channel: Channel): Promise<boolean> {
  try {
    await channel.unary(methods.Ping, {});
    return true;
  } catch (cause) {
    return !isGrpcError(cause) || !refusals.has(cause.code);
  }
}

/**
 * Asks an open build what the daemon can do. Tries again while the daemon does not know the build yet: its Solve may
 * still be under way.
 */
export async function pingGateway(calls: GatewayCalls): Promise<Capabilities> {
  for (let attempt = 0; ; attempt++) {
    try {
      return readCapabilities(await calls.call(methods.Ping, {}));
    } catch (cause) {
      if (!isGrpcError(cause) || refusals.has(cause.code) || attempt > 60) throw cause;
      await new Promise((resolve) => {
        setTimeout(resolve, Math.min(5 + attempt * 5, 100));
      });
    }
  }
}

/** Makes the gateway of an open build. */
export function openGateway(
  calls: GatewayCalls,
  buildRef: string,
  capabilities: Capabilities,
  cacheImports: GatewaySolve['cacheImports'] = [],
): Gateway {
  const { address } = calls;
  const request = async <Request, Response>(
    method: Method<Request, Response>,
    message: Init<Request>,
    signal?: AbortSignal,
  ): Promise<Response> => {
    try {
      return await calls.call(method, message, { signal });
    } catch (cause) {
      throw fromWireError(cause, address);
    }
  };
  const reference = (id: string): Reference => makeReference(id, request, capabilities, address);
  return {
    buildRef,
    capabilities,
    reference,
    async solve(solve, { signal } = {}) {
      const evaluate = solve.evaluate === true;
      try {
        const response = await calls.call(
          methods.Solve,
          {
            Definition: solve.definition,
            Frontend: solve.frontend ?? '',
            FrontendOpt: solve.frontendAttrs,
            FrontendInputs: solve.frontendInputs,
            allowResultReturn: true,
            allowResultArrayRef: true,
            Evaluate: evaluate,
            // Those of the control solve do not reach solves in the gateway.
            CacheImports: (solve.cacheImports ?? cacheImports).map(({ type, attrs }) => ({
              Type: type,
              Attrs: attrs,
            })),
            SourcePolicies: solve.sourcePolicies,
          },
          { signal },
        );
        const result = readResult(response, reference);
        // Daemons without the capability pass over `Evaluate`.
        if (evaluate && !capabilities.has('gateway.solve.evaluate'))
          for (const ref of [result.ref, ...result.refs.values()])
            if (ref !== undefined) await calls.call(methods.StatFile, { Ref: ref.id, Path: '.' }, { signal });
        return result;
      } catch (cause) {
        throw solveError(cause, address);
      }
    },
    async resolveImageConfig(ref, options = {}) {
      const response = await request(
        methods.ResolveImageConfig,
        {
          Ref: ref,
          Platform: options.platform,
          ResolveMode: options.resolveMode ?? 'default',
          LogName: options.logName ?? `resolve ${ref}`,
          ...(options.storeId === undefined ? {} : { ResolverType: 1, StoreID: options.storeId }),
          SourcePolicies: options.sourcePolicies,
        },
        options.signal,
      );
      return {
        digest: response.Digest,
        config: response.Config,
        ref: response.Ref === '' ? ref : response.Ref,
      };
    },
    resolveSource: async (message, { signal } = {}) => {
      requireCapability(capabilities, 'source.metaresolver', address);
      return await request(methods.ResolveSourceMeta, message, signal);
    },
    inputs: async ({ signal } = {}) => (await request(methods.Inputs, {}, signal)).Definitions,
    newContainer: async (options) => {
      const need = (capability: string): void => requireCapability(capabilities, capability, address);
      need('gateway.exec');
      return await openContainer(calls, need, request, newContainerId(), options);
    },
    async warn(warning, { signal } = {}) {
      // An old daemon has no place for warnings; the build must not fail for it.
      if (!capabilities.has('gateway.warnings')) return;
      await request(
        methods.Warn,
        {
          digest: warning.vertex ?? '',
          level: warning.level ?? 1,
          short: Buffer.from(warning.short),
          detail: warning.detail?.map((line) => Buffer.from(line)),
          url: warning.url ?? '',
          info: warning.source,
          ranges: warning.ranges,
        },
        signal,
      );
    },
  };
}

/** Container runtimes take letters and digits only. */
function newContainerId(): string {
  return randomBytes(13).toString('hex');
}

/** Ends an open build: with a result, or with a failure. */
export async function returnToDaemon(
  calls: GatewayCalls,
  outcome: { readonly result: GatewayResult | Reference | undefined } | { readonly error: rpc.Status },
): Promise<void> {
  const message: Init<gateway.ReturnRequest> =
    'error' in outcome ? { error: outcome.error } : { result: writeResult(outcome.result) };
  await calls.call(methods.Return, message);
}

/** Names a failed solve; other failures of the call as they are named everywhere. */
export function solveError(cause: unknown, address: string): unknown {
  if (!isGrpcError(cause)) return fromWireError(cause, address);
  const failure = readSolveFailure(cause.code, cause.message, cause.detailBytes);
  return buildError(errors, 'BUILDKIT_SOLVE_FAILED', failure, { cause });
}

/** Finds what the daemon said below an error of ours. */
export function grpcErrorOf(error: unknown): GrpcError | undefined {
  if (isGrpcError(error)) return error;
  return error instanceof Error && isGrpcError(error.cause) ? error.cause : undefined;
}

function requireCapability(capabilities: Capabilities, capability: string, address: string): void {
  if (capabilities.has(capability)) return;
  throw missingCapability(capability, address);
}

type Send = <Request, Response>(
  method: Method<Request, Response>,
  message: Init<Request>,
  signal?: AbortSignal,
) => Promise<Response>;

const rangeBytes = 3 << 20;

function makeReference(id: string, send: Send, capabilities: Capabilities, address: string): Reference {
  const statFile: Reference['statFile'] = async (path, { signal } = {}) => {
    const { stat } = await send(methods.StatFile, { Ref: id, Path: path }, signal);
    if (stat === undefined) throw noAnswer('StatFile', address);
    return readStat(stat);
  };
  return {
    id,
    statFile,
    async readFile(path, { offset = 0, length, signal } = {}) {
      const parts: Uint8Array[] = [];
      let at = offset;
      const end = length === undefined ? Number.POSITIVE_INFINITY : offset + length;
      while (at < end) {
        const wanted = Math.min(rangeBytes, end - at);
        const { Data } = await send(
          methods.ReadFile,
          { Ref: id, FilePath: path, Range: { Offset: at, Length: wanted } },
          signal,
        );
        parts.push(Data);
        at += Data.length;
        if (Data.length < wanted) break;
      }
      return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    },
    async readDir(path, { pattern = '', signal } = {}) {
      const { entries } = await send(
        methods.ReadDir,
        { Ref: id, DirPath: path, IncludePattern: pattern },
        signal,
      );
      return entries.map(readStat);
    },
    async evaluate({ signal } = {}) {
      if (capabilities.has('gateway.evaluate')) await send(methods.Evaluate, { Ref: id }, signal);
      else await send(methods.StatFile, { Ref: id, Path: '.' }, signal);
    },
  };
}

function readStat(stat: fsutil.Stat): FileStat {
  const isDirectory = (stat.mode & 0x8000_0000) !== 0;
  const isSymlink = (stat.mode & 0x0800_0000) !== 0;
  return {
    path: stat.path,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    sizeBytes: Number(stat.size),
    modifiedMs: Number(stat.modTime / 1000n) / 1000,
    linkName: stat.linkname,
    isDirectory,
    isSymlink,
    isFile: (stat.mode & 0x8f28_0000) === 0,
  };
}

function readResult(response: gateway.SolveResponse, reference: (id: string) => Reference): GatewayResult {
  const refs = new Map<string, Reference>();
  const metadata = response.result?.metadata ?? new Map<string, Uint8Array>();
  const single = (id: string | undefined): Reference | undefined =>
    id === undefined || id === '' ? undefined : reference(id);
  const result = response.result?.result;
  switch (result?.kind) {
    case undefined:
      return { ref: single(response.ref), refs, metadata };
    case 'ref':
      return { ref: single(result.value.id), refs, metadata };
    case 'refDeprecated':
      return { ref: single(result.value), refs, metadata };
    case 'refs':
      for (const [key, { id }] of result.value.refs) if (id !== '') refs.set(key, reference(id));
      return { ref: undefined, refs, metadata };
    case 'refsDeprecated':
      for (const [key, id] of result.value.refs) if (id !== '') refs.set(key, reference(id));
      return { ref: undefined, refs, metadata };
  }
}

function writeResult(result: GatewayResult | Reference | undefined): Init<gateway.Result> {
  if (result === undefined) return { result: { kind: 'ref', value: { id: '' } } };
  if ('id' in result) return { result: { kind: 'ref', value: { id: result.id } } };
  const { ref, refs, metadata } = result;
  if (refs.size === 0) return { result: { kind: 'ref', value: { id: ref?.id ?? '' } }, metadata };
  return {
    result: { kind: 'refs', value: { refs: new Map([...refs].map(([key, { id }]) => [key, { id }])) } },
    metadata,
  };
}

function noAnswer(method: string, address: string): unknown {
  return fromWireError(
    new GrpcError(
      grpcCode.internal,
      'The answer is empty.',
      `/moby.buildkit.v1.frontend.LLBBridge/${method}`,
    ),
    address,
  );
}
