import { filesync } from '@melange2/proto';
import { grpcCode } from '../../grpc/grpc-error.ts';
import { bytesPayloads } from '../bytes-messages.ts';
import { fileSink } from '../file-sink.ts';
import { receiveTree } from '../fsutil/receive-tree.ts';
import type { CallHandler, CallMetadata, ServerCall } from '../server-call.ts';
import type { ExportSink, PlannedExport, SessionHost } from '../session-host.ts';
import { StatusError } from '../status-error.ts';
import { transferReports } from '../transfer-reports.ts';

/** Takes what the solve's exporters send: streams of bytes and trees of files. */
export function exportsService(
  exports: readonly (PlannedExport | undefined)[],
  host: SessionHost,
): readonly (readonly [string, CallHandler])[] {
  const diffCopy: CallHandler = async (call) => {
    const index = exportIndex(call.metadata, exports);
    const target = exports[index];
    if (target === undefined) throw new StatusError(grpcCode.notFound, `no receiver for export ${index}`);
    const reports = transferReports('receive', String(index), host);
    const counts = { entries: 0, files: 0, bytes: 0 };
    const timer = setInterval(() => reports.progress(counts), 100);
    try {
      if (target.kind === 'dir') await receiveTree(call, target.path, { counts });
      else {
        const sink =
          target.kind === 'file'
            ? await fileSink(target.path)
            : host.openExport(index, exporterMetadata(call.metadata));
        await receiveBytes(call, sink, counts);
      }
    } finally {
      clearInterval(timer);
      reports.done(counts);
    }
  };
  return [[filesync.FileSend.methods.DiffCopy.path, diffCopy]];
}

/** Daemons before 0.13 know one exporter only and do not say which. */
function exportIndex(metadata: CallMetadata, exports: readonly (PlannedExport | undefined)[]): number {
  const id = metadata.get('buildkit-attachable-exporter-id')?.[0];
  if (id === undefined)
    return Math.max(
      0,
      exports.findIndex((target) => target !== undefined),
    );
  return /^\d{1,9}$/.test(id) ? Number(id) : -1;
}

function exporterMetadata(metadata: CallMetadata): Record<string, string> {
  const prefix = 'exporter-md-';
  const found: Record<string, string> = {};
  for (const [name, values] of metadata)
    if (name.startsWith(prefix)) found[name.slice(prefix.length)] = values[0] ?? '';
  return found;
}

/** Bytes are handed on in pieces of this size: handing on costs the same for each. */
const pieceBytes = 1 << 20;

async function receiveBytes(
  call: ServerCall,
  sink: ExportSink,
  counts: { files: number; bytes: number },
): Promise<void> {
  try {
    const parse = bytesPayloads();
    let piece = Buffer.allocUnsafeSlow(pieceBytes);
    let length = 0;
    let writing: Promise<void> | undefined;
    const take = (payload: Buffer): void => {
      counts.bytes += payload.length;
      for (let at = 0; at < payload.length;) {
        const bytes = Math.min(payload.length - at, pieceBytes - length);
        payload.copy(piece, length, at, at + bytes);
        at += bytes;
        length += bytes;
        if (length < pieceBytes) continue;
        const full = piece;
        writing = writing === undefined ? sink.write(full) : writing.then(() => sink.write(full));
        // Whoever waits for it hears of it; meanwhile something else may have failed.
        writing.catch(() => {});
        piece = Buffer.allocUnsafeSlow(pieceBytes);
        length = 0;
      }
    };
    await call.each((chunk) => {
      const before = writing;
      parse(chunk, take);
      return writing === before ? undefined : writing;
    });
    await writing;
    if (length > 0) await sink.write(piece.subarray(0, length));
    await sink.end();
    counts.files = 1;
  } catch (cause) {
    sink.abort(cause);
    throw cause;
  }
}
