import type { hash } from 'node:crypto';

let hashBytes: typeof hash | undefined;

/** Returns the SHA-256 of `bytes` as lower-case hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  // Loaded on first use: it takes as long as a tenth of this package.
  hashBytes ??= process.getBuiltinModule('node:crypto').hash;
  return hashBytes('sha256', bytes, 'hex');
}
