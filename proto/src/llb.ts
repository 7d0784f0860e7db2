// What a program needs that only makes build graphs. Loading the tables of all services costs as much as the rest.
export { encode, sharedEncoder } from './encode.ts';
export type { Encoder } from './encode.ts';
export { compareText } from './compare-text.ts';
export { decode } from './decode.ts';
export type { Init, MessageType } from './message-type.ts';
export { WireError } from './wire-error.ts';
export * as pb from './generated/pb.ts';
