import { decode } from './decode.ts';
import { encode } from './encode.ts';
import type { Init, MessageType } from './message-type.ts';

/** One method of a gRPC service, with all a client or a server needs of it. */
export interface Method<Request, Response> {
  readonly name: string;
  /** `/package.Service/Method`, as it stands in the HTTP/2 `:path`. */
  readonly path: string;
  readonly requestType: MessageType<Request>;
  readonly responseType: MessageType<Response>;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/** A gRPC service: its full name and its methods by name. */
export interface Service<Methods> {
  readonly name: string;
  readonly methods: Methods;
}

/** Makes a method of the service with this full name. */
export function method<Request, Response>(
  service: string,
  name: string,
  requestType: MessageType<Request>,
  responseType: MessageType<Response>,
  requestStream: boolean,
  responseStream: boolean,
): Method<Request, Response> {
  return { name, path: `/${service}/${name}`, requestType, responseType, requestStream, responseStream };
}

/** A method in the form that `makeGenericClientConstructor` of grpc-js takes. */
export interface GrpcMethod<Request, Response, Bytes> {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly originalName: string;
  readonly requestSerialize: (value: Init<Request>) => Bytes;
  readonly requestDeserialize: (bytes: Uint8Array) => Request;
  readonly responseSerialize: (value: Init<Response>) => Bytes;
  readonly responseDeserialize: (bytes: Uint8Array) => Response;
}

/** The methods of a service in the form of grpc-js. */
export type GrpcMethods<Methods, Bytes> = {
  readonly [Name in keyof Methods]: Methods[Name] extends Method<infer Request, infer Response>
    ? GrpcMethod<Request, Response, Bytes>
    : never;
};

/**
 * Returns the service as a definition for grpc-js.
 *
 * `toBytes` makes what the transport wants of encoded messages; grpc-js wants a `Buffer`:
 * `(b) => Buffer.from(b.buffer, b.byteOffset, b.byteLength)`.
 */
export function grpcMethods<Methods, Bytes>(
  service: Service<Methods>,
  toBytes: (bytes: Uint8Array) => Bytes,
): GrpcMethods<Methods, Bytes> {
  const entries = Object.entries(service.methods as Record<string, Method<unknown, unknown>>).map(
    ([name, m]): [string, GrpcMethod<unknown, unknown, Bytes>] => [
      name,
      {
        path: m.path,
        requestStream: m.requestStream,
        responseStream: m.responseStream,
        originalName: name,
        requestSerialize: (value) => toBytes(encode(m.requestType, value)),
        requestDeserialize: (bytes) => decode(m.requestType, bytes),
        responseSerialize: (value) => toBytes(encode(m.responseType, value)),
        responseDeserialize: (bytes) => decode(m.responseType, bytes),
      },
    ],
  );
  return Object.fromEntries(entries) as GrpcMethods<Methods, Bytes>;
}
