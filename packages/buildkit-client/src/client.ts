import { buildError, type BuildError } from '@melange2/diagnostics';
import { control, health } from '@melange2/proto';
import { build, newRef } from './build/build.ts';
import type { BuildRequest, BuildResult, SolveRoute } from './build/build-request.ts';
import { readCapabilities, type Capabilities } from './capabilities.ts';
import { readHistoryEvent, type BuildHistoryEvent, type HistoryOptions } from './control/build-history.ts';
import { readUsageRecord, type PruneOptions, type UsageRecord } from './control/disk-usage.ts';
import { readWorker, type Worker } from './control/worker.ts';
import type { Endpoint } from './endpoint.ts';
import { errors, fromWireError } from './errors.ts';
import { gatewayCalls, hasGateway, pingGateway, returnToDaemon } from './gateway/gateway.ts';
import type { Call, CallOptions, Channel } from './grpc/channel.ts';
import { grpcCode, isGrpcError } from './grpc/grpc-error.ts';
import { clientSessions } from './open-session.ts';
import { statusDecoder } from './status/status-decoder.ts';
import type { StatusEvent } from './status/status-event.ts';

interface Cancellable {
  readonly signal?: AbortSignal;
}

/** What a daemon says of itself. Docker engines give no useful version. */
export interface DaemonInfo {
  readonly version: string;
  readonly revision: string;
  readonly package: string;
}

/** A connection to one BuildKit daemon. When it is lost it stays lost: what was built until then is in the cache. */
export interface Client {
  readonly address: string;
  readonly endpoint: Endpoint;
  /** Builds, exports and tells what happens; see `BuildRequest`. */
  readonly build: (request: BuildRequest) => Promise<BuildResult>;
  /**
   * Starts ahead what the first build with a session needs: a thread, which takes some 50 to 150 ms. Worth calling by
   * programs that have other things to do between connecting and building. Later builds use the thread again.
   */
  readonly prepareSession: () => void;
  /** Asks what the daemon can do. It is asked once; the answer is kept as long as the client. */
  readonly capabilities: (options?: Cancellable) => Promise<Capabilities>;
  /** `undefined` on daemons before 0.11, which do not know it. */
  readonly info: (options?: Cancellable) => Promise<DaemonInfo | undefined>;
  readonly workers: (options?: Cancellable) => Promise<readonly Worker[]>;
  /** Asks for the daemon's health. A Docker engine has no such service: `unknown`. */
  readonly health: (options?: Cancellable) => Promise<'serving' | 'notServing' | 'unknown'>;
  /** Follows a build by its id, also one of another client. Ends when the build does. */
  readonly status: (ref: string, options?: Cancellable) => AsyncIterable<StatusEvent>;
  readonly diskUsage: (
    options?: Cancellable & { readonly filter?: readonly string[]; readonly ageLimitMs?: number },
  ) => Promise<readonly UsageRecord[]>;
  /** Removes what the cache does not need and yields each record that was removed. */
  readonly prune: (options?: PruneOptions) => AsyncIterable<UsageRecord>;
  /** Tells of builds that were and, unless `earlyExit`, of those that come; 0.11 and later. */
  readonly history: (options?: HistoryOptions) => AsyncIterable<BuildHistoryEvent>;
  /** Pins, unpins or removes a build in the history; 0.11 and later. */
  readonly updateHistory: (
    ref: string,
    change: { readonly pinned: boolean } | { readonly delete: true } | { readonly finalize: true },
    options?: Cancellable,
  ) => Promise<void>;
  /** Settles when the connection has ended: with the reason, or `undefined` after `close`. Never rejects. */
  readonly closed: Promise<BuildError | undefined>;
  /** Ends the connection; builds under way end with it. */
  readonly close: () => void;
}

const { methods } = control.Control;

/** Makes a client of an open connection. */
export function clientOf(channel: Channel, endpoint: Endpoint, address: string): Client {
  const named = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (cause) {
      throw fromWireError(cause, address);
    }
  };
  const options = ({ signal }: Cancellable = {}): CallOptions => ({ signal });
  let knownRoute: Promise<SolveRoute> | undefined;
  const route = async (): Promise<SolveRoute> =>
    await (knownRoute ??= hasGateway(channel).then((has) => (has ? 'gateway' : 'direct')));
  let known: Promise<Capabilities> | undefined;
  const capabilities = async (given: Cancellable = {}): Promise<Capabilities> => {
    known ??= route()
      .then((way) => askCapabilities(channel, address, way))
      .catch((cause: unknown) => {
        known = undefined;
        throw cause;
      });
    return await named(abortable(known, given.signal));
  };
  const sessions = clientSessions();
  void channel.closed.then(sessions.close);
  return {
    address,
    endpoint,
    capabilities,
    prepareSession: sessions.prepare,
    build: (request) =>
      build(
        {
          channel,
          endpoint,
          address,
          openSession: sessions.open,
          capabilities: (signal) => capabilities(signal === undefined ? {} : { signal }),
          route,
        },
        request,
      ),
    async info(given) {
      try {
        const { buildkitVersion } = await channel.unary(methods.Info, {}, options(given));
        return {
          version: buildkitVersion?.version ?? '',
          revision: buildkitVersion?.revision ?? '',
          package: buildkitVersion?.package ?? '',
        };
      } catch (cause) {
        if (isGrpcError(cause) && cause.code === grpcCode.unimplemented) return undefined;
        throw fromWireError(cause, address);
      }
    },
    workers: async (given) =>
      (await named(channel.unary(methods.ListWorkers, {}, options(given)))).record.map(readWorker),
    async health(given) {
      try {
        const { status } = await channel.unary(health.Health.methods.Check, {}, options(given));
        return status === health.ServingStatus.SERVING ? 'serving' : 'notServing';
      } catch (cause) {
        if (isGrpcError(cause) && cause.code === grpcCode.unimplemented) return 'unknown';
        throw fromWireError(cause, address);
      }
    },
    async *status(ref, given) {
      const decoder = statusDecoder();
      for await (const message of stream(
        channel.serverStream(methods.Status, { Ref: ref }, options(given)),
        address,
      ))
        yield* decoder.push(message);
    },
    diskUsage: async (given = {}) => {
      const { record } = await named(
        channel.unary(
          methods.DiskUsage,
          { filter: given.filter ?? [], ageLimit: nanoseconds(given.ageLimitMs) },
          options(given),
        ),
      );
      return record.map(readUsageRecord);
    },
    async *prune(given = {}) {
      const request = {
        filter: given.filter ?? [],
        all: given.all ?? false,
        keepDuration: nanoseconds(given.keepDurationMs),
        reservedSpace: given.reservedSpaceBytes ?? 0,
        maxUsedSpace: given.maxUsedSpaceBytes ?? 0,
        minFreeSpace: given.minFreeSpaceBytes ?? 0,
      };
      for await (const record of stream(
        channel.serverStream(methods.Prune, request, options(given)),
        address,
      ))
        yield readUsageRecord(record);
    },
    async *history(given = {}) {
      const request = {
        Ref: given.ref ?? '',
        ActiveOnly: given.activeOnly ?? false,
        EarlyExit: given.earlyExit ?? false,
        Filter: given.filter ?? [],
        Limit: given.limit ?? 0,
      };
      const call = channel.serverStream(methods.ListenBuildHistory, request, options(given));
      for await (const message of stream(call, address)) {
        const event = readHistoryEvent(message);
        if (event !== undefined) yield event;
      }
    },
    async updateHistory(ref, change, given) {
      await named(
        channel.unary(
          methods.UpdateBuildHistory,
          {
            Ref: ref,
            ...('pinned' in change ? { Pinned: change.pinned } : {}),
            ...('delete' in change ? { Delete: true } : {}),
            ...('finalize' in change ? { Finalize: true } : {}),
          },
          options(given),
        ),
      );
    },
    closed: channel.closed.then((reason) =>
      reason === undefined
        ? undefined
        : buildError(
            errors,
            'BUILDKIT_CONNECTION_LOST',
            { address, why: reason.message, inFlight: reason.inFlight },
            { cause: reason },
          ),
    ),
    close: () => {
      channel.close();
    },
  };
}

/** Opens a build that builds nothing, asks in it, and ends it. Without a gateway there is nobody to ask. */
async function askCapabilities(channel: Channel, address: string, route: SolveRoute): Promise<Capabilities> {
  if (route === 'direct') {
    const { record } = await channel.unary(methods.ListWorkers, {});
    return readCapabilities({ LLBCaps: [], FrontendAPICaps: [], Workers: record });
  }
  const ref = newRef();
  const stop = new AbortController();
  const solve = channel.unary(
    methods.Solve,
    { Ref: ref, Cache: {}, Internal: true },
    { signal: stop.signal },
  );
  solve.catch((cause: unknown) => stop.abort(cause));
  const calls = gatewayCalls(channel, ref, address, stop.signal);
  try {
    const answer = await pingGateway(calls);
    await returnToDaemon(calls, { result: undefined });
    await solve;
    return answer;
  } finally {
    stop.abort();
  }
}

async function* stream<Response>(
  call: Call<unknown, Response>,
  address: string,
): AsyncGenerator<Response, void, undefined> {
  try {
    yield* call;
  } catch (cause) {
    throw fromWireError(cause, address);
  } finally {
    call.cancel();
  }
}

async function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work;
  signal.throwIfAborted();
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function nanoseconds(ms: number | undefined): bigint {
  return ms === undefined ? 0n : BigInt(Math.round(ms * 1e6));
}
