export { dial } from './transport/dial.ts';
export type { DialOptions } from './transport/dial.ts';
export { openSessionStream } from './transport/session-stream.ts';
export type { SessionOffer } from './transport/session-stream.ts';
export { openChannel } from './grpc/channel.ts';
export type { Call, CallOptions, Channel, ChannelOptions, Metadata } from './grpc/channel.ts';
export { ConnectionError, GrpcError, grpcCode, isGrpcError } from './grpc/grpc-error.ts';
export { deframer, frame, frameHeaderBytes } from './grpc/message-frames.ts';
export type { Deframer } from './grpc/message-frames.ts';
