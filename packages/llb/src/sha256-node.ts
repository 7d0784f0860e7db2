import { hash } from 'node:crypto';

/** Returns the SHA-256 of `bytes` as lower-case hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}
