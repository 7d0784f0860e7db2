/** What ends a stream or a connection (RFC 9113, 7). */
export const http2Code: {
  readonly none: 0;
  readonly protocol: 1;
  readonly internal: 2;
  readonly flowControl: 3;
  readonly streamClosed: 5;
  readonly frameSize: 6;
  readonly refusedStream: 7;
  readonly cancel: 8;
  readonly compression: 9;
  readonly enhanceYourCalm: 11;
} = {
  none: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refusedStream: 7,
  cancel: 8,
  compression: 9,
  enhanceYourCalm: 11,
};

/** The peer broke the rules of HTTP/2, or asks for too much: the connection ends. */
export class Http2Error extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = 'Http2Error';
    this.code = code;
  }
}
