/** Returns what was thrown as an `Error`, itself when it is one. */
export function asError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new Error(typeof thrown === 'string' ? thrown : 'Something that is no error was thrown.', {
    cause: thrown,
  });
}
