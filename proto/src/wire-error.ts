/** Bytes that are not a message, or a value that does not fit its field. */
export class WireError extends Error {
  override readonly name: string = 'WireError';
}
