import { sha256 } from '#sha256';

/** Returns the digest that names an op: `sha256:` and the hash of its bytes. */
export function digestOfBytes(bytes: Uint8Array): string {
  return `sha256:${sha256(bytes)}`;
}
