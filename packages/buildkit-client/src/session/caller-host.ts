import { PassThrough } from 'node:stream';
import type { Attachables, ExportReceiver, SessionOptions } from '../session-contract.ts';
import type { ExportSink, SessionHost, SessionPlan } from './session-host.ts';

/** Returns the part of the attachables that is plain data. */
export function planOf(attachables: Attachables, options: SessionOptions): SessionPlan {
  const { secrets, uploads, exports } = attachables;
  return {
    localDirs: attachables.localDirs,
    secrets: typeof secrets === 'function' ? 'asked' : secrets,
    ssh: attachables.ssh,
    auth: attachables.auth !== undefined,
    contentStores: attachables.contentStores,
    uploads: uploads === undefined ? undefined : Object.keys(uploads),
    exports: exports?.map((receiver) =>
      receiver === undefined
        ? undefined
        : receiver.kind === 'stream'
          ? { kind: 'stream' }
          : { kind: receiver.kind, path: receiver.path },
    ),
    sourcePolicy: attachables.sourcePolicy !== undefined,
    sessionExporter: attachables.sessionExporter !== undefined,
    cacheDir: options.cacheDir,
    transfers: options.onTransfer !== undefined,
  };
}

/** Returns the functions of the attachables as a host. `failed` hears what they throw, before it is thrown on. */
export function callerHost(
  attachables: Attachables,
  options: SessionOptions,
  failed: (error: unknown) => void,
): SessionHost {
  const noting = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (cause) {
      failed(cause);
      throw cause;
    }
  };
  return {
    secret: (id) =>
      noting(async () =>
        typeof attachables.secrets === 'function' ? await attachables.secrets(id) : undefined,
      ),
    credentials: (host) => noting(async () => await attachables.auth?.credentials(host)),
    upload: (id) =>
      noting(async () => {
        const open = attachables.uploads?.[id];
        if (open === undefined) throw new Error(`There is no upload "${id}".`);
        return (await open()) as AsyncIterable<Uint8Array>;
      }),
    openExport: (index, metadata) => {
      const receiver = attachables.exports?.[index];
      if (receiver?.kind !== 'stream') throw new Error(`Export ${index} is not taken as a stream.`);
      return streamSink(receiver, metadata, failed);
    },
    checkPolicy: (request) =>
      noting(async () => (await attachables.sourcePolicy?.(request)) ?? { action: 'allow' }),
    findExporters: (metadata, refs) =>
      noting(async () => (await attachables.sessionExporter?.find(metadata, refs)) ?? []),
    finalizeExport: (response) => noting(async () => await attachables.sessionExporter?.finalize?.(response)),
    transferred(transfer) {
      try {
        options.onTransfer?.(transfer);
      } catch (cause) {
        failed(cause);
      }
    },
  };
}

function streamSink(
  receiver: Extract<ExportReceiver, { kind: 'stream' }>,
  metadata: Readonly<Record<string, string>>,
  failed: (error: unknown) => void,
): ExportSink {
  const stream = new PassThrough({ readableHighWaterMark: 2 << 20, writableHighWaterMark: 2 << 20 });
  // An error of the stream is what the receiver sees; the outcome comes from its promise.
  stream.on('error', () => {});
  let aborted = false;
  let wake: (() => void) | undefined;
  stream.on('drain', () => wake?.());
  stream.on('close', () => wake?.());
  // Also a function that throws instead of rejecting fails this export only.
  const output = async (): Promise<void> => await receiver.output(stream, metadata);
  const outcome = output().then(
    () => ({ ok: true as const }),
    (cause: unknown) => {
      if (!aborted) failed(cause);
      stream.destroy();
      return { ok: false as const, cause };
    },
  );
  return {
    async write(bytes) {
      if (stream.destroyed) {
        const result = await outcome;
        if (!result.ok) throw result.cause as Error;
        // The receiver has all that it wants; the rest goes nowhere.
        return;
      }
      if (stream.write(bytes)) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      wake = undefined;
    },
    async end() {
      stream.end();
      const result = await outcome;
      if (!result.ok) throw result.cause as Error;
    },
    abort(reason) {
      aborted = true;
      stream.destroy(reason instanceof Error ? reason : new Error(String(reason)));
    },
  };
}
