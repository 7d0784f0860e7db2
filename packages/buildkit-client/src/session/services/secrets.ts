import { buildError } from '@melange2/diagnostics';
import { secrets } from '@melange2/proto';
import { grpcCode } from '../../grpc/grpc-error.ts';
import { sessionErrors } from '../errors.ts';
import { unary, type CallHandler } from '../server-call.ts';
import type { SessionHost } from '../session-host.ts';
import { StatusError } from '../status-error.ts';

/** The most that BuildKit takes as a secret. */
const maxSecretBytes = 500 << 10;

/** Serves secrets, from a list or by asking the host. */
export function secretsService(
  values: Readonly<Record<string, Uint8Array | string>> | 'asked',
  host: SessionHost,
): readonly (readonly [string, CallHandler])[] {
  return [
    unary(secrets.Secrets.methods.GetSecret, async ({ ID: id }) => {
      const found =
        values === 'asked' ? await host.secret(id) : Object.hasOwn(values, id) ? values[id] : undefined;
      if (found === undefined) throw new StatusError(grpcCode.notFound, `secret ${id}: not found`);
      const data = typeof found === 'string' ? Buffer.from(found, 'utf8') : found;
      if (data.length > maxSecretBytes)
        throw buildError(sessionErrors, 'SESSION_SECRET_TOO_LARGE', {
          id,
          sizeBytes: data.length,
          limit: maxSecretBytes,
        });
      return { data };
    }),
  ];
}
