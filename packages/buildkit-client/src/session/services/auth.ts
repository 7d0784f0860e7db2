import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  randomBytes,
  sign,
  type KeyObject,
} from 'node:crypto';
import { filesync } from '@melange2/proto';
import { grpcCode } from '../../grpc/grpc-error.ts';
import { unary, type CallHandler } from '../server-call.ts';
import type { SessionHost } from '../session-host.ts';
import { StatusError } from '../status-error.ts';
import { fetchRegistryToken } from './registry-token.ts';

/**
 * Serves credentials for registries in all ways that a daemon asks: as user name and secret, and, so that the secret
 * stays here, as tokens that are fetched here and signatures that prove that two sessions have the same secret.
 */
export function authService(host: SessionHost): readonly (readonly [string, CallHandler])[] {
  const { methods } = filesync.Auth;
  // Two calls for one registry have to give one key, and nobody else may guess it.
  const seed = randomBytes(32);
  const keyFor = async (registry: string, salt: Uint8Array): Promise<KeyObject> => {
    const credentials = await host.credentials(registry);
    const hmac = createHmac('sha256', salt);
    // Anonymous sessions are all the same to a registry, and may share tokens.
    if (credentials !== undefined && credentials.secret !== '')
      hmac.update(createHmac('sha256', seed).update(registry).digest());
    return ed25519Key(hmac.digest());
  };
  return [
    unary(methods.Credentials, async ({ Host: registry }) => {
      const credentials = await host.credentials(registry);
      return { Username: credentials?.username ?? '', Secret: credentials?.secret ?? '' };
    }),
    unary(methods.FetchToken, async (request, call) => {
      const credentials = await host.credentials(request.Host);
      const token = await fetchRegistryToken(
        {
          host: request.Host,
          realm: request.Realm,
          service: request.Service,
          scopes: request.Scopes,
          clientId: request.ClientID,
        },
        credentials,
        call.signal,
      );
      return {
        Token: token.token,
        ExpiresIn: token.expiresInSeconds,
        IssuedAt: token.issuedAtSeconds,
      };
    }),
    unary(methods.GetTokenAuthority, async ({ Host: registry, Salt: salt }) => ({
      PublicKey: publicBytes(await keyFor(registry, salt)),
    })),
    unary(methods.VerifyTokenAuthority, async ({ Host: registry, Salt: salt, Payload: payload }) => {
      // A daemon's challenge is 32 bytes; signing more would be signing something else.
      if (payload.length > 1024) throw new StatusError(grpcCode.invalidArgument, 'The payload is too long.');
      const signature = sign(null, payload, await keyFor(registry, salt));
      return { Signed: Buffer.concat([signature, payload]) };
    }),
  ];
}

const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

function ed25519Key(seed: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
}

function publicBytes(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32);
}
