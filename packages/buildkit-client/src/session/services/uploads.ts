import { upload } from '@melange2/proto';
import { grpcCode } from '../../grpc/grpc-error.ts';
import { sendAllBytes } from '../bytes-messages.ts';
import type { CallHandler } from '../server-call.ts';
import type { SessionHost } from '../session-host.ts';
import { StatusError } from '../status-error.ts';

/** Serves streams of bytes to `http://buildkit-session/<id>` sources. */
export function uploadsService(
  ids: readonly string[],
  host: SessionHost,
): readonly (readonly [string, CallHandler])[] {
  const pull: CallHandler = async (call) => {
    const id = (call.metadata.get('urlpath')?.[0] ?? '').replace(/^\/+/, '');
    if (!ids.includes(id)) throw new StatusError(grpcCode.notFound, `upload "${id}": not found`);
    for await (const bytes of await host.upload(id)) await sendAllBytes(call, bytes);
  };
  return [[upload.Upload.methods.Pull.path, pull]];
}
