import { decode, errdefs, gateway, policysession, rpc, stack, type pb } from '@melange2/proto';
import { grpcCode } from '../grpc/grpc-error.ts';
import { fromProtoJson } from './proto-json.ts';

/** A place in a file, both counted as the sender of the source map counted: lines from 1, characters from 0. */
export interface SourcePosition {
  readonly line: number;
  readonly character: number;
}

/** Where in a file that was sent with the definition the failed step comes from. */
export interface FailurePlace {
  readonly file: string;
  readonly language: string;
  /** The file's whole text, as it was sent with the definition. */
  readonly text: string;
  readonly ranges: readonly { readonly start: SourcePosition; readonly end: SourcePosition }[];
}

/** The states around a failed step, by the order of its mounts. They can be opened while the build is. */
export interface FailedStep {
  /** Results before the step; an empty text where a mount had none. */
  readonly inputIds: readonly string[];
  /** Results after the step, with what it had written until it failed. */
  readonly mountIds: readonly string[];
  readonly op: pb.Op | undefined;
  readonly description: ReadonlyMap<string, string>;
  /** For a file op: the action that makes the output. For a cache key that could not be computed: the op's input. */
  readonly subject: { readonly kind: 'file' | 'cache'; readonly index: number } | undefined;
}

export interface StackTrace {
  readonly frames: readonly { readonly name: string; readonly file: string; readonly line: number }[];
  readonly commandLine: readonly string[];
  readonly version: string;
  readonly revision: string;
}

/**
 * Why a solve failed. What the daemon did not say is absent: daemons before 0.10 or so send a text only, and the
 * vertex is then the first one that failed in the status.
 */
export interface SolveFailure {
  /** The daemon's own words. */
  readonly text: string;
  /** The gRPC status code; `unknown` (2) for most failures. */
  readonly grpcCode: number;
  readonly vertex?: { readonly digest: string; readonly name?: string };
  readonly exitCode?: number;
  /** Why the client's source policy has denied a source, in its own words. */
  readonly denyMessages?: readonly string[];
  readonly places: readonly FailurePlace[];
  readonly step?: FailedStep;
  readonly stacks: readonly StackTrace[];
  /** Details of kinds that this client does not know, by type URL. */
  readonly otherDetails: readonly { readonly typeUrl: string; readonly bytes: Uint8Array }[];
}

/** Reads what a gRPC error says about a solve. Never throws: details that cannot be read are kept as they are. */
export function readSolveFailure(
  code: number,
  message: string,
  detailBytes: Uint8Array | undefined,
): SolveFailure {
  const places: FailurePlace[] = [];
  const stacks: StackTrace[] = [];
  const otherDetails: { typeUrl: string; bytes: Uint8Array }[] = [];
  let vertex: { digest: string } | undefined;
  let exitCode: number | undefined;
  let denyMessages: readonly string[] | undefined;
  let step: FailedStep | undefined;
  for (const any of statusDetails(detailBytes)) {
    const kind = /([A-Za-z]+\.[A-Za-z]+)(\+json)?$/.exec(any.type_url)?.[1];
    const json = parseJson(any.value);
    switch (json === undefined ? undefined : kind) {
      case 'stack.Stack':
        stacks.push(readStack(fromProtoJson(stack.Stack, json)));
        break;
      case 'errdefs.Vertex':
        vertex = { digest: fromProtoJson(errdefs.Vertex, json).digest };
        break;
      case 'errdefs.Source':
        places.push(readPlace(fromProtoJson(errdefs.Source, json)));
        break;
      case 'errdefs.Solve':
        step = readStep(fromProtoJson(errdefs.Solve, json));
        break;
      case 'gatewayapi.ExitMessage':
        exitCode = fromProtoJson(gateway.ExitMessage, json).Code;
        break;
      case 'policysession.DecisionResponse':
        denyMessages = fromProtoJson(policysession.DecisionResponse, json).denyMessages.map(
          ({ message: words }) => words,
        );
        break;
      default:
        otherDetails.push({ typeUrl: any.type_url, bytes: any.value });
    }
  }
  return {
    text: message,
    grpcCode: code,
    ...(vertex === undefined ? {} : { vertex }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(denyMessages === undefined ? {} : { denyMessages }),
    places,
    ...(step === undefined ? {} : { step }),
    stacks,
    otherDetails,
  };
}

/**
 * Completes a failure by the vertex that failed in the status, which is all that old daemons tell.
 *
 * The exit code is taken from the end of the vertex's error text (`… exit code: 42`) when no detail has it.
 */
export function withFailedVertex(
  failure: SolveFailure,
  vertices: readonly {
    readonly digest: string;
    readonly name: string;
    readonly error?: string | undefined;
  }[],
): SolveFailure {
  const byDigest = vertices.find(({ digest }) => digest === failure.vertex?.digest);
  const failed =
    byDigest ??
    (failure.vertex === undefined
      ? (vertices.find(({ error }) => error !== undefined && !error.includes('context canceled')) ??
        vertices.find(({ error }) => error !== undefined))
      : undefined);
  if (failed === undefined) return failure;
  // At the end only: what comes before is the command, which may say anything.
  const exitText =
    failure.exitCode === undefined
      ? /exit code: (\d+)(?:: context canceled)*$/.exec(failed.error ?? '')?.[1]
      : undefined;
  return {
    ...failure,
    vertex: { digest: failed.digest, name: failed.name },
    ...(exitText === undefined ? {} : { exitCode: Number(exitText) }),
  };
}

/** Returns the status that a gateway client hands back to `Return`, so that the solve ends with the same details. */
export function toRpcStatus(failure: {
  readonly code: number;
  readonly message: string;
  readonly detailBytes: Uint8Array | undefined;
}): rpc.Status {
  const details = statusDetails(failure.detailBytes);
  return {
    code: failure.code === grpcCode.ok ? grpcCode.unknown : failure.code,
    message: failure.message,
    details,
  };
}

function statusDetails(bytes: Uint8Array | undefined): rpc.Status['details'] {
  if (bytes === undefined) return [];
  try {
    return decode(rpc.Status, bytes).details;
  } catch {
    return [];
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}

function readStack(trace: stack.Stack): StackTrace {
  return {
    frames: trace.frames.map((frame) => ({ name: frame.Name, file: frame.File, line: frame.Line })),
    commandLine: trace.cmdline,
    version: trace.version,
    revision: trace.revision,
  };
}

function readPlace(source: errdefs.Source): FailurePlace {
  const position = (at: pb.Position | undefined): SourcePosition => ({
    line: at?.line ?? 0,
    character: at?.character ?? 0,
  });
  return {
    file: source.info?.filename ?? '',
    language: source.info?.language ?? '',
    text: Buffer.from(source.info?.data ?? new Uint8Array(0)).toString('utf8'),
    ranges: source.ranges.map(({ start, end }) => ({ start: position(start), end: position(end) })),
  };
}

function readStep(solve: errdefs.Solve): FailedStep {
  return {
    inputIds: solve.inputIDs,
    mountIds: solve.mountIDs,
    op: solve.op,
    description: solve.description,
    subject:
      solve.subject === undefined
        ? undefined
        : { kind: solve.subject.kind, index: Number(solve.subject.value.index) },
  };
}
