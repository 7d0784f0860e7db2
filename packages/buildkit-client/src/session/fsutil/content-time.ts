import { hash } from 'node:crypto';

/** Makes the time that stands for a content of its SHA-256: 61 bits of it, as seconds and nanoseconds. */
export function timeOfDigest(digest: Buffer): bigint {
  // 31 bits of seconds, which every file system can hold.
  const seconds = digest.readUInt32BE(0) >>> 1;
  const nanoseconds = digest.readUInt32BE(4) % 1_000_000_000;
  return BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
}

/** Makes the time of bytes that are in memory. */
export function timeOfBytes(bytes: Uint8Array): bigint {
  return timeOfDigest(hash('sha256', bytes, 'buffer'));
}

/** Makes a time of a text that stands for the content, such as its digest. */
export function timeOfIdentity(identity: string): bigint {
  return timeOfDigest(hash('sha256', identity, 'buffer'));
}
