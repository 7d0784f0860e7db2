import { createVerify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import type { ByteStream } from './byte-queue.ts';

/** How a signature was made: the middle part of `.SIGN.RSA256.NAME`. */
export type SignatureAlgorithm = 'RSA' | 'RSA256' | 'RSA512' | 'DSA';

/** One signature of a package or an index. */
export interface Signature {
  readonly algorithm: SignatureAlgorithm;
  /** File name of the public key, such as `melange.rsa.pub`. */
  readonly keyName: string;
  readonly bytes: Uint8Array;
}

/** Public keys by file name, as they lie in `/etc/apk/keys`. Made by `parseKeyring`. */
export type Keyring = ReadonlyMap<string, KeyObject>;

const digests: Readonly<Record<SignatureAlgorithm, string | undefined>> = {
  RSA: 'sha1',
  RSA256: 'sha256',
  RSA512: 'sha512',
  DSA: undefined,
};

/** Tells algorithm and key of a signature from its file name; undefined when it is none that apk knows. */
export function parseSignatureName(
  name: string,
): { readonly algorithm: SignatureAlgorithm; readonly keyName: string } | undefined {
  const match = /^\.SIGN\.(RSA|RSA256|RSA512|DSA)\.([^/]+)$/.exec(name);
  if (match === null) return undefined;
  return { algorithm: match[1] as SignatureAlgorithm, keyName: match[2] ?? '' };
}

/**
 * Verifies that one of the signatures is good and by a key of the ring, and gives that key's name.
 *
 * A DSA signature is never taken. Keys are found by their whole file name, or without `.rsa.pub`.
 *
 * @throws {BuildError} SIGNATURE_MISSING, SIGNATURE_KEY_UNKNOWN, SIGNATURE_INVALID.
 */
export async function verifySignatures(
  file: string,
  signatures: readonly Signature[],
  signed: ByteStream,
  keyring: Keyring,
): Promise<string> {
  if (signatures.length === 0) throw buildError(errors, 'SIGNATURE_MISSING', { file });
  const candidates = signatures.flatMap((signature) => {
    const key = keyring.get(signature.keyName) ?? keyring.get(signature.keyName.replace(/\.rsa\.pub$/, ''));
    const digest = digests[signature.algorithm];
    if (key === undefined || digest === undefined) return [];
    return [{ signature, key, verifier: createVerify(digest) }];
  });
  if (candidates.length === 0) {
    throw buildError(errors, 'SIGNATURE_KEY_UNKNOWN', {
      file,
      signedBy: signatures.map((s) => s.keyName),
      known: [...keyring.keys()],
    });
  }
  for await (const chunk of signed) for (const { verifier } of candidates) verifier.update(chunk);
  const good = candidates.find(({ verifier, key, signature }) => verifier.verify(key, signature.bytes));
  if (good === undefined) {
    throw buildError(errors, 'SIGNATURE_INVALID', {
      file,
      keys: candidates.map(({ signature }) => signature.keyName),
    });
  }
  return good.signature.keyName;
}
