import { randomBytes } from 'node:crypto';
import { buildError, isBuildError } from '@melange2/diagnostics';
import { control, type Init } from '@melange2/proto';
import type { Capabilities } from '../capabilities.ts';
import type { Endpoint } from '../endpoint.ts';
import { errors, fromWireError, isSolveError, missingCapability } from '../errors.ts';
import { readSolveFailure, toRpcStatus, withFailedVertex } from '../failure/solve-failure.ts';
import {
  gatewayCalls,
  grpcErrorOf,
  openGateway,
  pingGateway,
  returnToDaemon,
  type GatewayCalls,
} from '../gateway/gateway.ts';
import type { Channel } from '../grpc/channel.ts';
import { grpcCode, isGrpcError } from '../grpc/grpc-error.ts';
import type { Attachables, OpenSession, Session } from '../session-contract.ts';
import type { VertexState } from '../status/status-decoder.ts';
import type { BuildRequest, BuildResult, CacheEntry, SolveRoute } from './build-request.ts';
import { planClientStores, type ClientStores } from './client-stores.ts';
import { planExport, type PlannedExport } from './export-target.ts';
import { watchStatus, type Patience } from './status-watch.ts';

/** What a build needs of its client. */
export interface BuildContext {
  readonly channel: Channel;
  readonly endpoint: Endpoint;
  readonly address: string;
  readonly openSession: OpenSession;
  readonly capabilities: (signal?: AbortSignal) => Promise<Capabilities>;
  /** Whether builds can go through the gateway. Never rejects. */
  readonly route: () => Promise<SolveRoute>;
}

/** How long the status may go on after Solve has ended. */
const patience = {
  succeeded: { silentMs: 3000 },
  failed: { silentMs: 1000, unheardMs: 300 },
  canceled: { silentMs: 1500, atMostMs: 1500 },
  lost: { silentMs: 0 },
} as const satisfies Readonly<Record<string, Patience>>;

/**
 * Builds, exports and tells what happens.
 *
 * The graph goes through the gateway, so that a failed step is known with its mounts, and directly where there is
 * none; the daemon's side of the session is served on a connection of its own.
 *
 * @throws {BuildError} BUILDKIT_SOLVE_FAILED, BUILDKIT_CONNECTION_LOST, BUILDKIT_CAPABILITY_MISSING, and what the
 * caller's own functions throw; the signal's reason when it was aborted.
 */
export async function build(context: BuildContext, request: BuildRequest): Promise<BuildResult> {
  request.signal?.throwIfAborted();
  const exports = (request.exports ?? []).map(planExport);
  // Daemons that do not know these would build without them.
  if (request.sourcePolicy !== undefined) await need(context, 'source.policy', request.signal);
  if (request.session?.sourcePolicy !== undefined)
    await need(context, 'source.policy.session', request.signal);
  if (request.session?.sessionExporter !== undefined) await need(context, 'exporter.session', request.signal);
  // One content store of a session takes exports.
  if (exports.filter(({ layoutDir }) => layoutDir !== undefined).length > 1)
    return await buildOneByOne(context, request, exports);
  if (exports.length > 1) {
    const capabilities = await context.capabilities(request.signal);
    if (!capabilities.has('exporter.multiple')) return await buildOneByOne(context, request, exports);
  }
  return await buildOnce(context, request, exports, request.ref);
}

/** Old daemons take one export a solve and drop the others silently. All steps are cached from the second solve on. */
async function buildOneByOne(
  context: BuildContext,
  request: BuildRequest,
  exports: readonly PlannedExport[],
): Promise<BuildResult> {
  const exporterResponse = new Map<string, string>();
  let ref: string | undefined;
  for (const [index, single] of exports.entries()) {
    const last = index === exports.length - 1;
    const result = await buildOnce(
      context,
      last ? request : { ...request, cacheExports: [] },
      [single],
      index === 0 ? request.ref : undefined,
    );
    ref ??= result.ref;
    for (const [key, value] of result.exporterResponse) exporterResponse.set(key, value);
  }
  return { ref: ref!, exporterResponse };
}

async function need(
  context: BuildContext,
  capability: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const capabilities = await context.capabilities(signal);
  if (!capabilities.has(capability)) throw missingCapability(capability, context.address);
}

const maxAttempts = 3;

/**
 * Daemons up to 0.8 now and then give up a step with many copies for no fault of the step; what has been built until
 * then is kept, so asking again costs little.
 *
 * @see https://github.com/moby/buildkit/issues/1822
 */
function isSpurious(cause: unknown): boolean {
  return isSolveError(cause) && cause.message.includes('flightcontrol: exceeded retry timeout');
}

async function buildOnce(
  context: BuildContext,
  request: BuildRequest,
  exports: readonly PlannedExport[],
  ref: string = newRef(),
): Promise<BuildResult> {
  let route = await routeOf(context, request);
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptBuild(context, request, exports, attempt === 1 ? ref : newRef(), route);
    } catch (cause) {
      // A function of the caller may not be run twice; a graph may.
      if (!('definition' in request) || attempt === maxAttempts) throw cause;
      if (cause instanceof GatewayTooPoor) route = 'direct';
      else if (!isSpurious(cause)) throw cause;
    }
  }
}

/** What a graph needs of a gateway. */
const gatewayNeeds = ['solve.base', 'return'];

/** The daemon has a gateway, which lacks what the build of a graph needs. */
class GatewayTooPoor extends Error {}

async function routeOf(context: BuildContext, request: BuildRequest): Promise<SolveRoute> {
  if ('frontend' in request) return 'direct';
  if ('definition' in request && request.route !== undefined) return request.route;
  const route = await context.route();
  if (route === 'direct' && 'run' in request) throw missingCapability('solve.base', context.address);
  return route;
}

async function attemptBuild(
  context: BuildContext,
  given: BuildRequest,
  exports: readonly PlannedExport[],
  ref: string,
  route: SolveRoute,
): Promise<BuildResult> {
  const { channel, address } = context;
  const stores = await planClientStores(given.cacheImports ?? [], given.cacheExports ?? [], exports);
  const request: BuildRequest = { ...given, cacheImports: stores.cacheImports };
  const attachables = attachablesOf(request.session ?? {}, exports, stores);
  const session = isEmpty(attachables) ? undefined : await openNamedSession(context, attachables, request);
  const stop = new AbortController();
  const signal = request.signal === undefined ? stop.signal : AbortSignal.any([request.signal, stop.signal]);
  const status = watchStatus(channel, ref, request.onEvent, (cause) => stop.abort(cause));
  const abandon = new AbortController();
  try {
    const solve = channel.unary(
      control.Control.methods.Solve,
      solveRequest(request, ref, exports, session, route),
      { signal: AbortSignal.any([signal, abandon.signal]) },
    );
    const response = route === 'direct' ? await solve : await drive(context, request, ref, solve, signal);
    await status.finish(patience.succeeded);
    if (stop.signal.aborted) throw stop.signal.reason;
    await stores.finish(response.ExporterResponse);
    return { ref, exporterResponse: response.ExporterResponse };
  } catch (cause) {
    await status.finish(patienceAfter(cause, signal));
    if (signal.aborted) throw signal.reason;
    // What the caller's own handler threw says more than the daemon's words about it.
    const [ownFailure] = session?.failures ?? [];
    if (ownFailure !== undefined) throw ownFailure;
    throw nameFailure(cause, status.vertices(), address);
  } finally {
    // A build that the daemon has not ended by itself ends here.
    abandon.abort();
    await session?.close();
  }
}

async function openNamedSession(
  context: BuildContext,
  attachables: Attachables,
  { signal, sessionOptions }: BuildRequest,
): Promise<Session> {
  try {
    return await context.openSession(context.endpoint, attachables, {
      ...sessionOptions,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    throw fromWireError(cause, context.address);
  }
}

function patienceAfter(cause: unknown, signal: AbortSignal): Patience {
  if (signal.aborted) return patience.canceled;
  return isGrpcError(cause) || isBuildError(cause) ? patience.failed : patience.lost;
}

/** Has the open build do its work, and waits until the daemon has ended it. */
async function drive(
  context: BuildContext,
  request: BuildRequest,
  ref: string,
  solve: Promise<control.SolveResponse>,
  signal: AbortSignal,
): Promise<control.SolveResponse> {
  const { channel, address } = context;
  const over = new AbortController();
  let ended = false;
  solve.then(
    () => {
      ended = true;
      over.abort();
    },
    (cause: unknown) => {
      ended = true;
      over.abort(cause);
    },
  );
  const calls = gatewayCalls(channel, ref, address, AbortSignal.any([signal, over.signal]));
  const work = conduct(context, request, ref, calls);
  // When Solve ends first, what the gateway's calls say about it is not the reason.
  const failed = await Promise.race([
    work.then(
      () => undefined,
      (cause: unknown) => ({ cause }),
    ),
    solve.then(
      () => undefined,
      () => undefined,
    ),
  ]);
  if (failed === undefined || ended) return await solve;
  if (isGrpcError(failed.cause) && failed.cause.code === grpcCode.canceled) return await solve;
  // The build in the daemon waits for a result that will not come.
  const ending = returnToDaemon(calls, { error: toRpcStatus(statusOf(failed.cause)) }).then(() => solve);
  // How it ends is known; a daemon that does not take it is left.
  await ending.catch(() => {});
  throw failed.cause;
}

async function conduct(
  context: BuildContext,
  request: BuildRequest,
  ref: string,
  calls: GatewayCalls,
): Promise<void> {
  const capabilities = await pingGateway(calls);
  if ('definition' in request && !gatewayNeeds.every((needed) => capabilities.has(needed)))
    throw new GatewayTooPoor('The gateway of the daemon cannot solve graphs.');
  const gateway = openGateway(calls, ref, capabilities, request.cacheImports);
  if ('run' in request) {
    await returnToDaemon(calls, { result: await request.run(gateway) });
  } else if ('definition' in request) {
    try {
      const result = await gateway.solve({ definition: request.definition, evaluate: true });
      await returnToDaemon(calls, { result });
    } catch (cause) {
      if (isSolveError(cause) && !isSpurious(cause)) await request.onFailure?.(cause, gateway);
      throw cause;
    }
  }
}

function statusOf(cause: unknown): { code: number; message: string; detailBytes: Uint8Array | undefined } {
  const said = grpcErrorOf(cause);
  if (said !== undefined) return said;
  const message = cause instanceof Error ? cause.message : 'The client ended the build.';
  return { code: grpcCode.unknown, message, detailBytes: undefined };
}

/** Makes the failure that the caller sees, completed by what the status told of the failed vertex. */
function nameFailure(cause: unknown, vertices: readonly VertexState[], address: string): unknown {
  if (isSolveError(cause)) {
    return buildError(errors, 'BUILDKIT_SOLVE_FAILED', withFailedVertex(cause.details, vertices), {
      cause: cause.cause,
    });
  }
  if (isGrpcError(cause)) {
    const failure = readSolveFailure(cause.code, cause.message, cause.detailBytes);
    return buildError(errors, 'BUILDKIT_SOLVE_FAILED', withFailedVertex(failure, vertices), { cause });
  }
  return fromWireError(cause, address);
}

function solveRequest(
  request: BuildRequest,
  ref: string,
  exports: readonly PlannedExport[],
  session: Session | undefined,
  route: SolveRoute,
): Init<control.SolveRequest> {
  const [first] = exports;
  const entries = (caches: readonly CacheEntry[] = []): Init<control.CacheOptionsEntry>[] =>
    caches.map(({ type, attrs }) => ({ Type: type, Attrs: attrs }));
  const frontend = 'frontend' in request ? request.frontend : undefined;
  return {
    Ref: ref,
    Session: session?.id ?? '',
    // With neither a graph nor a frontend, the build is open for the gateway.
    ...('definition' in request && route === 'direct' ? { Definition: request.definition } : {}),
    Frontend: frontend?.name ?? '',
    FrontendAttrs: {
      // Frontends take it from here, and hand it to their own solves.
      ...(frontend === undefined || request.cacheImports === undefined || request.cacheImports.length === 0
        ? {}
        : { 'cache-imports': JSON.stringify(entries(request.cacheImports)) }),
      ...frontend?.attrs,
    },
    FrontendInputs: frontend?.inputs ?? {},
    // Daemons before 0.13 know only one exporter, in fields of its own.
    ExporterDeprecated: first?.type ?? '',
    ExporterAttrsDeprecated: first?.attrs ?? {},
    Exporters: exports.map(({ type, attrs }) => ({ Type: type, Attrs: attrs })),
    Cache: { Imports: entries(request.cacheImports), Exports: entries(request.cacheExports) },
    Entitlements: request.entitlements ?? [],
    SourcePolicy: request.sourcePolicy,
    Internal: request.internal ?? false,
    EnableSessionExporter: request.session?.sessionExporter !== undefined,
    SourcePolicySession: request.session?.sourcePolicy === undefined ? '' : (session?.id ?? ''),
  };
}

function attachablesOf(
  session: Omit<Attachables, 'exports'>,
  exports: readonly PlannedExport[],
  { stores }: ClientStores,
): Attachables {
  return {
    ...session,
    ...(Object.keys(stores).length === 0 ? {} : { contentStores: { ...session.contentStores, ...stores } }),
    ...(exports.some(({ receiver }) => receiver !== undefined)
      ? { exports: exports.map(({ receiver }) => receiver) }
      : {}),
  };
}

function isEmpty(attachables: Attachables): boolean {
  return Object.values(attachables).every((value) => value === undefined);
}

/** Ids of builds are one namespace for all clients of a daemon. */
export function newRef(): string {
  return randomBytes(16).toString('hex');
}
