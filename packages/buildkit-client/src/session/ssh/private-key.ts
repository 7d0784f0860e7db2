import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { SshReader } from './ssh-wire.ts';

/**
 * Reads a private key: PKCS#8, PKCS#1, SEC 1, or OpenSSH's own form. Keys with a passphrase are refused.
 *
 * @throws {Error} with the reason as the end of a sentence.
 */
export function parsePrivateKey(pem: string): KeyObject {
  if (/ENCRYPTED/.test(pem)) throw new Error('it has a passphrase; add it to an SSH agent instead');
  const own = /-----BEGIN OPENSSH PRIVATE KEY-----([^-]+)-----END OPENSSH PRIVATE KEY-----/.exec(pem);
  if (own === null) {
    try {
      return createPrivateKey(pem);
    } catch (cause) {
      throw new Error('it is not a private key in PEM form', { cause });
    }
  }
  return parseOpenSsh(Buffer.from(own[1]!, 'base64'));
}

const magic = Buffer.from('openssh-key-v1\0', 'latin1');

/** @see https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key */
function parseOpenSsh(bytes: Buffer): KeyObject {
  if (!bytes.subarray(0, magic.length).equals(magic)) throw new Error('it is not a private key of OpenSSH');
  const outer = new SshReader(bytes.subarray(magic.length));
  if (outer.text() !== 'none') throw new Error('it has a passphrase; add it to an SSH agent instead');
  outer.text();
  outer.bytes();
  if (outer.uint32() !== 1) throw new Error('there are several keys in it');
  outer.bytes();
  const inner = new SshReader(outer.bytes());
  if (inner.uint32() !== inner.uint32()) throw new Error('it is damaged');
  return createPrivateKey({ key: jwkOf(inner), format: 'jwk' });
}

function jwkOf(inner: SshReader): JsonWebKey {
  const type = inner.text();
  switch (type) {
    case 'ssh-ed25519': {
      const x = inner.bytes();
      const d = inner.bytes().subarray(0, 32);
      return { kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url'), d: d.toString('base64url') };
    }
    case 'ssh-rsa': {
      const [n, e, d, qi, p, q] = Array.from({ length: 6 }, () => number(inner.bytes())) as [
        bigint,
        bigint,
        bigint,
        bigint,
        bigint,
        bigint,
      ];
      const text = (value: bigint): string => unsigned(value).toString('base64url');
      return {
        kty: 'RSA',
        n: text(n),
        e: text(e),
        d: text(d),
        p: text(p),
        q: text(q),
        dp: text(d % (p - 1n)),
        dq: text(d % (q - 1n)),
        qi: text(qi),
      };
    }
    case 'ecdsa-sha2-nistp256':
      return ecJwk(inner, 'P-256', 32);
    case 'ecdsa-sha2-nistp384':
      return ecJwk(inner, 'P-384', 48);
    case 'ecdsa-sha2-nistp521':
      return ecJwk(inner, 'P-521', 66);
    default:
      throw new Error(`keys of the kind ${type} are not supported`);
  }
}

function ecJwk(inner: SshReader, curve: string, bytes: number): JsonWebKey {
  inner.text();
  const point = inner.bytes();
  if (point.length !== 1 + 2 * bytes || point[0] !== 4) throw new Error('it is damaged');
  return {
    kty: 'EC',
    crv: curve,
    x: point.subarray(1, 1 + bytes).toString('base64url'),
    y: point.subarray(1 + bytes).toString('base64url'),
    d: unsigned(number(inner.bytes()), bytes).toString('base64url'),
  };
}

function number(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex') || '0'}`);
}

function unsigned(value: bigint, bytes = 0): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.padStart(Math.max(bytes * 2, hex.length + (hex.length % 2)), '0'), 'hex');
}
