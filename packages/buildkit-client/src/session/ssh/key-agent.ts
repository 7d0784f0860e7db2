import { createPublicKey, sign, type KeyObject } from 'node:crypto';
import { buildError } from '@melange2/diagnostics';
import { sessionErrors } from '../errors.ts';
import { parsePrivateKey } from './private-key.ts';
import { sshBytes, SshReader, sshUint32 } from './ssh-wire.ts';

/** Begins a conversation: takes bytes as they come, returns the answers to the requests that are whole. */
export type KeyAgent = () => (bytes: Uint8Array) => readonly Uint8Array[];

const failure = 5;
const requestIdentities = 11;
const identitiesAnswer = 12;
const signRequest = 13;
const signResponse = 14;

const rsaSha256 = 2;
const rsaSha512 = 4;
/** As OpenSSH's agent. */
const maxRequestBytes = 256 << 10;

/**
 * Makes an SSH agent that has these keys. It lists them and signs with them; it takes no further keys and gives none
 * away.
 *
 * @throws {BuildError} SESSION_SSH_KEY_INVALID
 * @see https://datatracker.ietf.org/doc/html/draft-ietf-sshm-ssh-agent
 */
export function keyAgent(id: string, pems: readonly string[]): KeyAgent {
  const keys = pems.map((pem) => {
    try {
      return agentKey(parsePrivateKey(pem));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message.replace(/\.$/, '') : String(cause);
      throw buildError(sessionErrors, 'SESSION_SSH_KEY_INVALID', { id, why }, { cause });
    }
  });
  return () => {
    let pending = Buffer.alloc(0);
    return (bytes) => {
      pending = Buffer.concat([pending, bytes]);
      const answers: Uint8Array[] = [];
      while (pending.length >= 4) {
        const length = pending.readUInt32BE(0);
        if (length > maxRequestBytes)
          throw buildError(sessionErrors, 'SESSION_LIMIT_EXCEEDED', {
            what: 'bytes to an SSH agent at once',
            limit: maxRequestBytes,
          });
        if (pending.length < 4 + length) break;
        const request = pending.subarray(4, 4 + length);
        pending = pending.subarray(4 + length);
        answers.push(sshBytes(answer(keys, request)));
      }
      return answers;
    };
  };
}

interface AgentKey {
  readonly blob: Buffer;
  readonly sign: (data: Uint8Array, flags: number) => Buffer;
}

function answer(keys: readonly AgentKey[], request: Buffer): Buffer {
  switch (request[0]) {
    case requestIdentities:
      return Buffer.concat([
        Buffer.from([identitiesAnswer]),
        sshUint32(keys.length),
        ...keys.flatMap(({ blob }) => [sshBytes(blob), sshBytes(Buffer.from('melange2'))]),
      ]);
    case signRequest: {
      try {
        const reader = new SshReader(request.subarray(1));
        const blob = reader.bytes();
        const data = reader.bytes();
        const flags = reader.uint32();
        const key = keys.find((k) => k.blob.equals(blob));
        if (key !== undefined)
          return Buffer.concat([Buffer.from([signResponse]), sshBytes(key.sign(data, flags))]);
      } catch {
        // A request that cannot be read is refused, as one for a key that is not there.
      }
      return Buffer.from([failure]);
    }
    default:
      return Buffer.from([failure]);
  }
}

const curves: Readonly<Record<string, { readonly name: string; readonly hash: string }>> = {
  'P-256': { name: 'nistp256', hash: 'sha256' },
  'P-384': { name: 'nistp384', hash: 'sha384' },
  'P-521': { name: 'nistp521', hash: 'sha512' },
};

function agentKey(key: KeyObject): AgentKey {
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  const part = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64url');
  const named = (name: string, ...parts: Buffer[]): Buffer =>
    Buffer.concat([sshBytes(Buffer.from(name)), ...parts.map(sshBytes)]);
  switch (key.asymmetricKeyType) {
    case 'ed25519':
      return {
        blob: named('ssh-ed25519', part(jwk.x)),
        sign: (data) => named('ssh-ed25519', sign(null, data, key)),
      };
    case 'rsa':
      return {
        blob: named('ssh-rsa', positive(part(jwk.e)), positive(part(jwk.n))),
        sign: (data, flags) => {
          const hash = (flags & rsaSha512) !== 0 ? 'sha512' : (flags & rsaSha256) !== 0 ? 'sha256' : 'sha1';
          const name = hash === 'sha1' ? 'ssh-rsa' : hash === 'sha256' ? 'rsa-sha2-256' : 'rsa-sha2-512';
          return named(name, sign(hash, data, key));
        },
      };
    case 'ec': {
      const curve = curves[jwk.crv ?? ''];
      if (curve === undefined) throw new Error('SSH knows no such curve.');
      const name = `ecdsa-sha2-${curve.name}`;
      return {
        blob: named(
          name,
          Buffer.from(curve.name),
          Buffer.concat([Buffer.from([4]), part(jwk.x), part(jwk.y)]),
        ),
        sign: (data) => {
          const raw = sign(curve.hash, data, { key, dsaEncoding: 'ieee-p1363' });
          const half = raw.length / 2;
          return named(
            name,
            Buffer.concat([
              sshBytes(positive(raw.subarray(0, half))),
              sshBytes(positive(raw.subarray(half))),
            ]),
          );
        },
      };
    }
    default:
      throw new Error(`it is of the kind ${key.asymmetricKeyType ?? 'secret'}, which SSH does not have`);
  }
}

/** As SSH writes positive numbers: no zeros in front but the one that keeps the sign. */
function positive(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const short = bytes.subarray(start);
  return short[0]! >= 0x80 ? Buffer.concat([Buffer.from([0]), short]) : short;
}
