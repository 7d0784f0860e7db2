import { createPrivateKey, createPublicKey, generateKeyPair, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { buildError } from '@melange2/diagnostics';
import { errors } from './errors.ts';
import type { Keyring } from './signature.ts';

/** A private key with the name that its public half has for apk. */
export interface SigningKey {
  /** File name of the public key: that of the private one with `.pub`. */
  readonly keyName: string;
  /** The public half, as SubjectPublicKeyInfo in PEM: what belongs into `/etc/apk/keys`. */
  readonly publicPem: string;
  /** Signs with RSA PKCS#1 v1.5 over SHA-256; equal bytes give equal signatures. */
  readonly sign: (bytes: Uint8Array) => Uint8Array;
}

export interface ParseSigningKeyOptions {
  /** Path or name of the key file; its last part names the key. */
  readonly file: string;
  /** For an encrypted key. */
  readonly passphrase?: string;
}

/** Smallest modulus that is made or signed with, in bits. */
export const minimumKeyBits = 2048;

/**
 * Reads a private RSA key from PEM: PKCS#1 or PKCS#8, plain or encrypted.
 *
 * @throws {BuildError} KEY_INVALID, KEY_PASSPHRASE_MISSING, KEY_PASSPHRASE_WRONG, KEY_TOO_SHORT.
 */
export function parseSigningKey(pem: string, options: ParseSigningKeyOptions): SigningKey {
  const { file, passphrase } = options;
  const name = file.slice(file.lastIndexOf('/') + 1);
  const label = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(pem)?.[1];
  if (label === undefined) throw buildError(errors, 'KEY_INVALID', { file, why: 'it has no PEM block' });
  if (!label.endsWith('PRIVATE KEY')) {
    throw buildError(errors, 'KEY_INVALID', { file, why: `it holds a ${label}, not a private key` });
  }
  const encrypted = label.startsWith('ENCRYPTED') || /^Proc-Type:.*ENCRYPTED/m.test(pem);
  if (encrypted && passphrase === undefined) throw buildError(errors, 'KEY_PASSPHRASE_MISSING', { file });
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, ...(encrypted ? { passphrase: passphrase ?? '' } : {}) });
  } catch (cause) {
    if (encrypted) throw buildError(errors, 'KEY_PASSPHRASE_WRONG', { file }, { cause });
    throw buildError(errors, 'KEY_INVALID', { file, why: 'the key in it cannot be read' }, { cause });
  }
  if (key.asymmetricKeyType !== 'rsa') {
    const kind = key.asymmetricKeyType ?? 'unknown';
    throw buildError(errors, 'KEY_INVALID', { file, why: `it is a key of the kind ${kind}, apk wants RSA` });
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < minimumKeyBits)
    throw buildError(errors, 'KEY_TOO_SHORT', { file, bits, minimum: minimumKeyBits });
  return {
    keyName: `${name}.pub`,
    publicPem: createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString(),
    sign: (bytes) => sign('sha256', bytes, key),
  };
}

/**
 * Makes a keyring of public keys in PEM, each with its file name.
 *
 * @throws {BuildError} KEY_INVALID when one of them is no public RSA key, or its name is a path.
 */
export function parseKeyring(keys: Iterable<{ readonly name: string; readonly pem: string }>): Keyring {
  const ring = new Map<string, KeyObject>();
  for (const { name, pem } of keys) {
    if (name === '' || name.includes('/')) {
      throw buildError(errors, 'KEY_INVALID', { file: name, why: 'a key is named by its file name alone' });
    }
    if (!/-----BEGIN (RSA )?PUBLIC KEY-----/.test(pem)) {
      throw buildError(errors, 'KEY_INVALID', { file: name, why: 'it holds no public key' });
    }
    let key: KeyObject;
    try {
      key = createPublicKey(pem);
    } catch (cause) {
      throw buildError(errors, 'KEY_INVALID', { file: name, why: 'the key in it cannot be read' }, { cause });
    }
    if (key.asymmetricKeyType !== 'rsa') {
      throw buildError(errors, 'KEY_INVALID', { file: name, why: 'it is no RSA key' });
    }
    ring.set(name, key);
  }
  return ring;
}

/** A new key pair in PEM. */
export interface KeyPair {
  /** PKCS#1, `RSA PRIVATE KEY`; to be kept readable for its owner only. */
  readonly privatePem: string;
  /** SubjectPublicKeyInfo, `PUBLIC KEY`. */
  readonly publicPem: string;
}

/**
 * Makes an RSA key pair for signing packages.
 *
 * @throws {BuildError} KEY_TOO_SHORT below 2048 bits.
 */
export async function createKeyPair(bits: number = 4096): Promise<KeyPair> {
  if (bits < minimumKeyBits) {
    throw buildError(errors, 'KEY_TOO_SHORT', { file: 'a new key', bits, minimum: minimumKeyBits });
  }
  return new Promise((resolve, reject) => {
    generateKeyPair(
      'rsa',
      {
        modulusLength: bits,
        privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
        publicKeyEncoding: { type: 'spki', format: 'pem' },
      },
      (error, publicPem, privatePem) => {
        if (error === null) resolve({ privatePem, publicPem });
        else reject(error);
      },
    );
  });
}
