/** The status codes of gRPC, by name. */
export const grpcCode: {
  readonly ok: 0;
  readonly canceled: 1;
  readonly unknown: 2;
  readonly invalidArgument: 3;
  readonly deadlineExceeded: 4;
  readonly notFound: 5;
  readonly alreadyExists: 6;
  readonly permissionDenied: 7;
  readonly resourceExhausted: 8;
  readonly failedPrecondition: 9;
  readonly aborted: 10;
  readonly outOfRange: 11;
  readonly unimplemented: 12;
  readonly internal: 13;
  readonly unavailable: 14;
  readonly dataLoss: 15;
  readonly unauthenticated: 16;
} = {
  ok: 0,
  canceled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
};

/** How a call ended that did not end well, as the peer said it. Becomes a coded error at the client's edge. */
export class GrpcError extends Error {
  override readonly name: string = 'GrpcError';
  readonly code: number;
  /** The method that was called, as `/service/Method`. */
  readonly path: string;
  /** The bytes of the `google.rpc.Status` in the trailer `grpc-status-details-bin`. */
  readonly detailBytes: Uint8Array | undefined;

  constructor(code: number, message: string, path: string, detailBytes?: Uint8Array, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.path = path;
    this.detailBytes = detailBytes;
  }
}

/** Tells by shape, so that an error from another copy of this package counts too. */
export function isGrpcError(value: unknown): value is GrpcError {
  return value instanceof Error && value.name === 'GrpcError';
}

/** Why a connection is no more: what happened, and which calls were under way. */
export class ConnectionError extends Error {
  override readonly name: string = 'ConnectionError';
  readonly reason: 'refused' | 'timeout' | 'closed' | 'hung' | 'protocol';
  /** Paths of the calls that were under way. */
  readonly inFlight: readonly string[];

  constructor(
    reason: ConnectionError['reason'],
    message: string,
    inFlight: readonly string[] = [],
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.inFlight = inFlight;
  }
}

/** Decodes the percent-encoded text of a `grpc-message` trailer; broken escapes are kept as they are. */
export function decodeGrpcMessage(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A message may hold escapes of bytes that are not UTF-8.
    return Buffer.from(
      text.replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
        String.fromCharCode(Number.parseInt(hex, 16)),
      ),
      'latin1',
    ).toString('utf8');
  }
}
